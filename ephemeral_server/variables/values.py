"""What a variable can be called and can hold."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

LONGEST_NAME = 255
#: Bytes of compact JSON in UTF-8.
LARGEST_VALUE = 5000

_NAME = re.compile(r"[a-z0-9_-]*")
#: What clients' JSON libraries take: lists and objects within each other, and integers of 64
#: bits with or without a sign.
_DEEPEST = 254
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            "Variable name must only contain lowercase letters, numbers, and dashes or underscores."
        )
    return name


def _fitting(value: Any) -> Any:
    if value is None:
        return value
    try:
        _check(value, 0)
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    except (OverflowError, UnicodeEncodeError):
        raise ValueError("Variable value must be serializable to JSON") from None
    if size > LARGEST_VALUE:
        raise ValueError(f"Variable value must be less than {LARGEST_VALUE} characters")
    return value


def _check(value: Any, depth: int) -> None:
    if isinstance(value, (dict, list)):
        if depth == _DEEPEST:
            raise OverflowError
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)
    elif isinstance(value, int) and not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
        raise OverflowError


Name = Annotated[str, AfterValidator(_named), Field(max_length=LONGEST_NAME)]

#: Any JSON value that is small enough; NaN and infinities, which JSON lacks, become null.
Value = Annotated[
    str | int | bool | float | dict[str, Any] | list[Any] | None, AfterValidator(_fitting)
]
