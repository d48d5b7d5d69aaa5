"""Schedules as they come in, and their dates."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import TypeAdapter

from ephemeral_server.clock import micros
from ephemeral_server.schedules.dates import dates
from ephemeral_server.schedules.schemas import Schedule, loaded, stored

NOW = micros(datetime.fromisoformat("2026-11-22T09:31:00+00:00"))

NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"

_SCHEDULES: TypeAdapter[Schedule] = TypeAdapter(Schedule)


def schedule(**body: Any) -> Schedule:
    """What a body becomes, on its way in and through the database."""
    return loaded(stored(_SCHEDULES.validate_python(body), NOW))


def kept(**body: Any) -> str:
    """What is kept of a body."""
    return stored(_SCHEDULES.validate_python(body), NOW)


def moment(text: str) -> datetime:
    """An instant; without an offset it is UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else datetime.fromisoformat(f"{text}+00:00")


def dates_of(
    body: dict[str, Any], start: str, count: int | None = None, end: str | None = None
) -> list[str]:
    """The first dates of a schedule from `start` on, as text."""
    last = None if end is None else micros(moment(end))
    return [
        str(date) for date in islice(dates(schedule(**body), micros(moment(start)), last), count)
    ]
