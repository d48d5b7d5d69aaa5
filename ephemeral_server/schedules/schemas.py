"""Schedules on the wire, and as the database keeps them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ephemeral_server.clock import EPOCH, isoformat
from ephemeral_server.fields import Storable
from ephemeral_server.schedules import anchoring, crons, rrules
from ephemeral_server.schedules.zones import ScheduleError, zone
from ephemeral_server.wire import dump


def _check_zone(name: str | None) -> None:
    try:
        zone(name)
    except ScheduleError:
        raise ValueError(
            f'Invalid timezone: "{name}" '
            "(specify in IANA tzdata format, for example, America/New_York)"
        ) from None


class _Schedule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IntervalSchedule(_Schedule):
    """Dates at equal distances before and after an anchor."""

    model_config = ConfigDict(ser_json_timedelta="float")

    interval: timedelta
    # Not known here; `stored` puts the present in its place.
    anchor_date: datetime = Field(default_factory=lambda: EPOCH)
    timezone: Storable | None = None

    @field_validator("interval")
    @classmethod
    def _positive(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError("interval must be positive")
        return value

    @field_validator("anchor_date")
    @classmethod
    def _aware(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)

    # The name is a part of the place that an error names.
    @model_validator(mode="after")
    def validate_timezone(self) -> IntervalSchedule:
        _check_zone(self.timezone)
        return self


class CronSchedule(_Schedule):
    """Dates that a cron expression names."""

    # First, since whether an expression ever fires depends on it.
    day_or: bool = True
    cron: Storable
    timezone: Storable | None = None

    @field_validator("cron")
    @classmethod
    def _fires(cls, value: str, info: ValidationInfo) -> str:
        crons.check(value, info.data.get("day_or", True))
        return value

    @model_validator(mode="after")
    def validate_timezone(self) -> CronSchedule:
        _check_zone(self.timezone)
        return self


class RRuleSchedule(_Schedule):
    """Dates that a recurrence rule, or a set of them, names."""

    rrule: Storable
    timezone: Storable | None = "UTC"

    @field_validator("rrule")
    @classmethod
    def _readable(cls, value: str) -> str:
        rrules.check(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is None:
            raise ValueError("Invalid timezone: a recurrence rule needs one")
        _check_zone(value)
        return value


Schedule = IntervalSchedule | CronSchedule | RRuleSchedule


def stored(schedule: Schedule, now: int) -> str:
    """A schedule that came in, as the JSON text that is kept and returned.

    Here an interval gets the anchor that it came without, and a rule its start.

    Args:
        now: microseconds since 1970 UTC.
    """
    if isinstance(schedule, IntervalSchedule):
        given = "anchor_date" in schedule.model_fields_set
        anchor = schedule.anchor_date.isoformat() if given else isoformat(now)
        return dump(
            {
                "interval": schedule.interval.total_seconds(),
                "anchor_date": anchor.replace("+00:00", "Z"),
                "timezone": "UTC" if schedule.timezone is None else schedule.timezone,
            }
        )
    if isinstance(schedule, CronSchedule):
        return dump(
            {"cron": schedule.cron, "timezone": schedule.timezone, "day_or": schedule.day_or}
        )
    rrule = anchoring.anchored(schedule.rrule, schedule.timezone, now)
    return dump({"rrule": rrule, "timezone": schedule.timezone})


def loaded(text: str) -> Schedule:
    """A schedule from what `stored` made of it, without checking it once more.

    Raises:
        ScheduleError: the text holds no schedule.
    """
    try:
        held = json.loads(text)
        place = held["timezone"]
        if "interval" in held:
            return IntervalSchedule.model_construct(
                interval=timedelta(seconds=held["interval"]),
                anchor_date=datetime.fromisoformat(held["anchor_date"].replace("Z", "+00:00")),
                timezone=place,
            )
        if "cron" in held:
            return CronSchedule.model_construct(
                cron=held["cron"], timezone=place, day_or=held["day_or"]
            )
        return RRuleSchedule.model_construct(rrule=held["rrule"], timezone=place)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ScheduleError(f"what is kept of the schedule cannot be read: {error!r}") from None
