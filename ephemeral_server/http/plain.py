"""Any value as something that JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

_DEEPEST = 100
_LONGEST_INTEGER_BITS = 10_000


def plain(value: Any, depth: int = 0) -> Any:
    """A copy of `value` that JSON can hold in every parser; it never fails.

    What JSON has no form for is described: NaN and the infinities become the words ``NaN``,
    ``Infinity`` and ``-Infinity``, bytes become text, integers of thousands of digits tell
    their size, half characters become ``?``, errors become ``{}`` (so pydantic's ``ctx.error``
    shows), what is nested deeper than a hundred levels becomes ``…``, all else its text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value, depth)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int):
        return int(value) if value.bit_length() <= _LONGEST_INTEGER_BITS else _sized(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _unfinite(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, BaseException):
        return {}
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    return _text(value)


def _sized(value: int) -> str:
    return f"an integer of {value.bit_length()} bits"


def _unfinite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _key(key: Any) -> str:
    described = plain(key, _DEEPEST)
    return described if isinstance(described, str) else str(described)


def _text(value: Any) -> str:
    try:
        return str(plain(str(value)))
    except Exception:  # a foreign __str__ may do anything, and a report must not fail of it
        return f"<{type(value).__name__}>"
