"""The server's OpenAPI document with what it leaves unsaid.

It names one success for each route, as clients of this API know it. A fuzzer has to be told
everything that may be answered.
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]


def _object(**properties: Json) -> Json:
    """An object with these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_DETAIL = _object(detail=_TEXT)
_MESSAGE = _object(exception_message=_TEXT)
_FAULT = {
    "type": "object",
    "properties": {
        "type": _TEXT,
        "loc": {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
        "msg": _TEXT,
    },
    "required": ["type", "loc", "msg", "input"],
}
_INVALID = _object(
    exception_message={"const": "Invalid request received."},
    exception_detail={"type": "array", "items": _FAULT, "minItems": 1},
    request_body={},
)

_REFUSALS = {
    "400": [_DETAIL],
    "403": [_DETAIL],
    "404": [_DETAIL, _MESSAGE],
    "405": [_DETAIL],
    "409": [_DETAIL],
    "410": [_DETAIL],
    "422": [_INVALID, _DETAIL],
    "423": [_DETAIL],
}

#: Where the success that is named is that something was made, and it may be there already.
_MAY_BE_FOUND = ("/block_schemas/",)


def complete(document: Json) -> Json:
    """A copy of `document` that names every answer but those that tell of a bug."""
    whole: Json = copy.deepcopy(document)
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            if method in ("post", "put") and "200" in answers:
                answers["201"] = answers["200"]  # something was made, not found
            if method == "post" and path in _MAY_BE_FOUND:
                answers["200"] = answers["201"]
            for status, shapes in _REFUSALS.items():
                content = {"application/json": {"schema": {"oneOf": shapes}}}
                answers[status] = {"description": "Refused", "content": content}
    return whole
