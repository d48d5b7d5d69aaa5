"""Validation errors that a model cannot find by itself."""

from __future__ import annotations

from typing import Any

from fastapi.exceptions import RequestValidationError


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
