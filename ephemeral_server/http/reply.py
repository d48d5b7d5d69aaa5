"""Answers whose JSON is already written."""

from __future__ import annotations

from starlette.responses import Response

CREATED = 201
OK = 200


class JsonReply(Response):
    """JSON text as an answer."""

    media_type = "application/json"

    def __init__(self, content: str, status_code: int = OK) -> None:
        super().__init__(content, status_code)


def made(content: str, *, new: bool) -> JsonReply:
    """The answer of a create route: 201 if something was written, 200 if it was there."""
    return JsonReply(content, CREATED if new else OK)


def no_content() -> Response:
    """204 with an empty body."""
    return Response(status_code=204)
