"""What request bodies have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from ephemeral_server.fields import (
    FreeText,
    Integer,
    JsonObject,
    Labels,
    NameText,
    Offset,
    Storable,
    UtcDatetime,
)

__all__ = [
    "FreeText",
    "Integer",
    "JsonObject",
    "Labels",
    "NameText",
    "Offset",
    "QueryBody",
    "Storable",
    "StrictBody",
    "UtcDatetime",
]


class StrictBody(BaseModel):
    """A body or filter that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid")


class QueryBody(BaseModel):
    """The body of a list, count or page route.

    Unknown keys are ignored and a null means the default: the client sends
    ``"limit": null, "sort": null`` for what its caller did not set.
    """

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data
