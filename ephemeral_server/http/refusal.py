"""Refusing requests: what a model cannot find by itself, and what units of work raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ephemeral_server.errors import (
    ChangeRefusedError,
    ConflictError,
    ObjectNotFoundError,
    UnprocessableError,
)

_STATUS: dict[type[Exception], int] = {
    ChangeRefusedError: 400,
    ObjectNotFoundError: 404,
    ConflictError: 409,
    UnprocessableError: 422,
}


@contextmanager
def errors_answered() -> Iterator[None]:
    """Answer with the message and the status of what is raised within, see `errors`."""
    try:
        yield
    except tuple(_STATUS) as error:
        status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        raise HTTPException(status, str(error)) from None


def refused(
    member: str | tuple[str | int, ...], reason: str, value: Any, body: Any = None
) -> RequestValidationError:
    """What is answered with 422 as if the body's model had refused `member`.

    Args:
        member: name of the body's member, or the way to what is within it; empty for the whole.
        reason: a sentence on what is wrong.
        value: what was given for it.
        body: the whole body as it was sent.
    """
    place = (member,) if isinstance(member, str) else member
    error = {
        "type": "value_error",
        "loc": ("body", *place),
        "msg": f"Value error, {reason}",
        "input": value,
        "ctx": {"error": {}},
    }
    return RequestValidationError([error], body=body)


@contextmanager
def refusals() -> Iterator[None]:
    """Answer 404 for what is not there and 409 for a conflict, with the error's message."""
    try:
        yield
    except ObjectNotFoundError as error:
        raise HTTPException(404, str(error)) from None
    except ConflictError as error:
        raise HTTPException(409, str(error)) from None
