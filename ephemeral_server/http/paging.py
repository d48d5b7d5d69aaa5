"""Limits and pages of list routes."""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException

from ephemeral_server.fields import LARGEST
from ephemeral_server.wire import dump


def page_size(limit: int | None, largest: int) -> int:
    """The effective limit of a list route.

    Args:
        limit: as asked for; None means the largest.
        largest: the server's setting `default_limit`.

    Raises:
        HTTPException: 422; clients look for the words ``Invalid limit``.
    """
    if limit is None:
        return largest
    if limit < 0:
        raise HTTPException(422, "Invalid limit: must be greater than or equal to 0.")
    if limit > largest:
        raise HTTPException(422, f"Invalid limit: must be less than or equal to {largest}.")
    return limit


def offset_of(page: int, limit: int) -> int:
    """How many rows come before a page."""
    return min((page - 1) * limit, LARGEST)


def page_of(
    results: str, *, count: int, limit: int, page: int, name: str = "results", **further: Any
) -> str:
    """The JSON of one page.

    Args:
        results: a JSON list.
        count: the number of all matches.
        name: that the list goes by.
        **further: members that come before it.
    """
    pages = -(-count // limit) if limit else 0
    before = "".join(f'"{key}":{dump(value)},' for key, value in further.items())
    about = f'"count":{count},"limit":{limit},"pages":{pages},"page":{page}'
    return f'{{{before}"{name}":{results},{about}}}'
