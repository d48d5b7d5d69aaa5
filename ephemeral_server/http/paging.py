"""Limits and pages of list routes."""

from __future__ import annotations

from fastapi import HTTPException

from ephemeral_server.fields import LARGEST


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


def page_of(results: str, *, count: int, limit: int, page: int) -> str:
    """The JSON of one page: `results` is a JSON list, `count` the number of all matches."""
    pages = -(-count // limit) if limit else 0
    return f'{{"results":{results},"count":{count},"limit":{limit},"pages":{pages},"page":{page}}}'
