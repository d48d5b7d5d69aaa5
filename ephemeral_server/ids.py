"""Identifiers that sort by the time of their making (UUID version 7, RFC 9562)."""

from __future__ import annotations

import os
import time

_VARIANT = 0x8 << 60
_RANDOM_62 = (1 << 62) - 1


def new_id(instant: int | None = None) -> str:
    """A new UUIDv7 as lower-case hyphenated text.

    Args:
        instant: microseconds since 1970 UTC; the machine's time if None. The sub-millisecond
            part fills the twelve ``rand_a`` bits, so ids of one process keep their order.
    """
    if instant is None:
        instant = time.time_ns() // 1000
    milliseconds, rest = divmod(instant, 1000)
    high = (milliseconds & 0xFFFFFFFFFFFF) << 16 | 0x7000 | (rest << 2)
    low = _VARIANT | (int.from_bytes(os.urandom(8), "big") & _RANDOM_62)
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_ids(count: int, instant: int | None = None) -> list[str]:
    """New ids that sort in the order of the list: each is a microsecond after the one before.

    Args:
        count: how many.
        instant: that of the first, see `new_id`.
    """
    if instant is None:
        instant = time.time_ns() // 1000
    random = os.urandom(8 * count).hex()
    ids = []
    millisecond, rest = divmod(instant, 1000)
    head = _head(millisecond)
    for at in range(0, 16 * count, 16):
        if rest == 1000:
            millisecond, rest = millisecond + 1, 0
            head = _head(millisecond)
        ids.append(f"{head}{_MIDDLES[rest]}{random[at : at + 3]}-{random[at + 3 : at + 15]}")
        rest += 1
    return ids


#: What follows the millisecond in an id: version, microseconds within it, and the variant.
_MIDDLES = tuple(f"7{rest << 2:03x}-8" for rest in range(1000))


def _head(millisecond: int) -> str:
    digits = f"{millisecond & 0xFFFFFFFFFFFF:012x}"
    return f"{digits[:8]}-{digits[8:]}-"
