"""Refusals that a model cannot find by itself."""

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
    ProtectedObjectError,
    UnprocessableError,
)

_STATUS: dict[type[Exception], int] = {
    ChangeRefusedError: 400,
    ProtectedObjectError: 403,
    ObjectNotFoundError: 404,
    ConflictError: 409,
    UnprocessableError: 422,
}


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
    """Answer what units of work refuse with the message and the status of the error."""
    try:
        yield
    except tuple(_STATUS) as error:
        status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
        raise HTTPException(status, str(error)) from None
