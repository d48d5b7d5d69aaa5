"""Kinds of values that bodies and filters hold, with what both databases can store."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import (
    datetime_schema,
    no_info_after_validator_function,
    no_info_wrap_validator_function,
    uuid_schema,
)

from ephemeral_server.clock import FIRST, LAST, micros

#: The largest integer that both databases store.
LARGEST = 2**63 - 1


def _storable(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("must not contain lone surrogates") from None
    return value


def storable(value: str) -> str:
    """Free text as both databases can store it: without NULs, a `?` for each lone surrogate."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    return value if value.isascii() else value.encode(errors="replace").decode()


def free(value: Any) -> Any:
    """Text as `FreeText` has it; what is no text is left to be refused."""
    return storable(value) if isinstance(value, str) else value


def _finite_json(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("must not contain NaN or infinite numbers") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return value


def _shallow(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        try:
            json.dumps(value)
        except RecursionError:
            raise ValueError("is nested too deeply") from None
    return value


def _not_null(value: Any) -> Any:
    if value is None:
        raise ValueError("must not be null")
    return value


def _labels(labels: dict[str, Any]) -> dict[str, Any]:
    for value in labels.values():
        if isinstance(value, str):
            _storable(value)
    checked: dict[str, Any] = _finite_json(labels)
    return checked


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


def _micros(value: datetime) -> int:
    instant = micros(value)
    if not FIRST <= instant <= LAST:
        raise ValueError("is outside the years 1 to 9999 in UTC")
    return instant


def _instant_schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return no_info_after_validator_function(_micros, datetime_schema())


@lru_cache(maxsize=4096)
def _hyphenated(value: str) -> str:
    return str(UUID(value))


def _id_text(value: Any, handler: ValidatorFunctionWrapHandler) -> str:
    # The same few ids come over and over: thousands of logs name one run.
    try:
        return _hyphenated(value)
    except (AttributeError, TypeError, ValueError):
        return str(handler(value))


def _id_schema(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return no_info_wrap_validator_function(_id_text, uuid_schema())


def dashed(what: str) -> AfterValidator:
    """For names that are parts of paths and of Python code.

    Args:
        what: such as ``Block type slug``.
    """

    def check(name: str) -> str:
        if _DASHED.fullmatch(name) is None:
            raise ValueError(f"{what} must only contain lowercase letters, numbers, and dashes.")
        return name

    return AfterValidator(check)


_DASHED = re.compile("[a-z0-9-]*")

#: For text with constraints of its own, behind these.
STORABLE = AfterValidator(_storable)

#: For members of an update that may be left out but not taken away.
NOT_NULL = AfterValidator(_not_null)

#: Text that both databases can store.
Storable = Annotated[str, STORABLE]

#: Free text; what a database cannot store is taken out, see `storable`.
FreeText = Annotated[str, BeforeValidator(free)]

#: A pattern to search for: SQLite refuses those of more than 50,000 bytes.
Pattern = Annotated[str, StringConstraints(max_length=10_000), STORABLE]

#: A name of a flow, a deployment, a block ...
NameText = Annotated[str, StringConstraints(pattern=r"^[^/%&><]+$"), STORABLE]

#: A JSON object that JSON can hold.
JsonObject = Annotated[dict[str, Any], AfterValidator(_finite_json)]

#: Any JSON value; what JSON lacks (NaN, infinities) is for who stores it to replace.
JsonValue = Annotated[Any, AfterValidator(_shallow)]

#: Key-value labels of flows, runs and deployments.
LabelValue = bool | int | float | str
Labels = Annotated[dict[Storable, LabelValue], AfterValidator(_labels)]

#: An instant; one without an offset is read as UTC.
UtcDatetime = Annotated[datetime, AfterValidator(_utc)]

#: An instant that becomes microseconds since 1970 UTC; one without an offset is read as UTC.
Instant = Annotated[int, GetPydanticSchema(_instant_schema)]

#: An id that becomes lower-case hyphenated text.
IdText = Annotated[str, GetPydanticSchema(_id_schema)]

#: Any integer that both databases store.
Integer = Annotated[int, Field(ge=-LARGEST - 1, le=LARGEST)]

#: How many rows a list route skips.
Offset = Annotated[int, Field(ge=0, le=LARGEST)]

#: Which page of a list, counted from one.
Page = Annotated[int, Field(ge=1, le=LARGEST)]
