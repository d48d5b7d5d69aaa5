"""Refusals that a model cannot find by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError

from ephemeral_server.errors import ConflictError, ObjectNotFoundError


def refused(member: str, reason: str, value: Any, body: Any = None) -> RequestValidationError:
    """What is answered with 422 as if the body's model had refused `member`.

    Args:
        member: name of the body's member.
        reason: a sentence on what is wrong.
        value: what was given for it.
        body: the whole body as it was sent.
    """
    error = {
        "type": "value_error",
        "loc": ("body", member),
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
