"""The dates around a change of clocks are those that a walk through time finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.schedules.schedules import dates_of
from tests.schedules.walking import CHANGES, MINUTE, around, in_utc, utc_minutes, walked

Case = tuple[dict[str, Any], Callable[[datetime], bool]]

Kind = Callable[[Random, str], Case]

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def listed(values: set[int]) -> str:
    return ",".join(map(str, sorted(values)))


def some(random: Random, values: range, most: int) -> set[int]:
    return set(random.sample(values, random.randint(1, most)))


def a_cron(random: Random, zone: str) -> Case:
    minutes = some(random, range(60), 6)
    hours = set(range(24)) if random.random() < 0.3 else some(random, range(24), 4) | {1, 2, 3}
    days = some(random, range(1, 32), 20) if random.random() < 0.4 else None
    weekdays = some(random, range(7), 4) if random.random() < 0.4 else None
    day_or = random.random() < 0.5

    def matches(wall: datetime) -> bool:
        by_day = days is None or wall.day in days
        by_weekday = weekdays is None or wall.isoweekday() % 7 in weekdays
        both = days is not None and weekdays is not None
        day_fits = by_day or by_weekday if both and day_or else by_day and by_weekday
        return day_fits and wall.hour in hours and wall.minute in minutes

    fields = (
        listed(minutes),
        "*" if len(hours) == 24 else listed(hours),
        listed(days) if days else "*",
        "*",
        listed(weekdays) if weekdays else "*",
    )
    return {"cron": " ".join(fields), "day_or": day_or}, matches


def a_rule_of_days(random: Random, zone: str) -> Case:
    start = datetime(2026, 1, 1) + random.randrange(30) * timedelta(days=1)
    hours, minutes = some(random, range(24), 3) | {2}, some(random, range(60), 5)
    interval = random.randint(1, 2)
    weekdays = some(random, range(7), 5) if random.random() < 0.5 else None

    def matches(wall: datetime) -> bool:
        return (
            (wall.date() - start.date()).days % interval == 0
            and (weekdays is None or wall.weekday() in weekdays)
            and wall.hour in hours
            and wall.minute in minutes
        )

    rule = f"FREQ=DAILY;INTERVAL={interval};BYHOUR={listed(hours)};BYMINUTE={listed(minutes)}"
    if weekdays:
        rule += f";BYDAY={','.join(WEEKDAYS[day] for day in sorted(weekdays))}"
    return {"rrule": f"DTSTART:{start:%Y%m%dT%H%M%S}\n{rule}"}, matches


def a_rule_of_parts_of_days(random: Random, zone: str) -> Case:
    start = datetime(2025, 12, 30) + random.randrange(3000) * MINUTE
    unit, name = random.choice([(MINUTE, "MINUTELY"), (60 * MINUTE, "HOURLY")])
    interval = random.choice([5, 7, 25, 90])
    hours = some(random, range(24), 12) if random.random() < 0.3 and interval < 25 else None

    def matches(wall: datetime) -> bool:
        return (wall - start) % (unit * interval) == timedelta(0) and (
            hours is None or wall.hour in hours
        )

    rule = f"FREQ={name};INTERVAL={interval}" + (f";BYHOUR={listed(hours)}" if hours else "")
    return {"rrule": f"DTSTART:{start:%Y%m%dT%H%M%S}\n{rule}"}, matches


def an_interval_of_days(random: Random, zone: str) -> Case:
    anchor = datetime(2026, 5, 20) + random.randrange(3000) * MINUTE
    if random.random() < 0.5:  # a time of day at which clocks change
        anchor = anchor.replace(hour=2)
    interval = random.choice([1440, 2880, 2160, 1500, 1441]) * MINUTE

    def matches(wall: datetime) -> bool:
        return (wall - anchor) % interval == timedelta(0)

    anchor_date = anchor.replace(tzinfo=ZoneInfo(zone)).isoformat()
    return {"interval": interval.total_seconds(), "anchor_date": anchor_date}, matches


KINDS = [a_cron, a_rule_of_days, a_rule_of_parts_of_days, an_interval_of_days]


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_wall_clocks_are_those_of_a_walk(kind: Kind, zone: str, day: str) -> None:
    start, end = map(str, around(day))
    found = 0
    for seed in range(10):
        body, matches = kind(Random(f"{zone}{day}{seed}"), zone)
        expected = walked(zone, day, matches)
        found += len(expected)

        assert dates_of({**body, "timezone": zone}, start, end=end) == expected, body
    assert found > 10


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_short_intervals_are_those_of_a_walk(zone: str, day: str) -> None:
    place = ZoneInfo(zone)
    start, end = map(str, around(day))
    for seed in range(10):
        random = Random(f"{zone}{day}{seed}")
        interval = random.choice([3, 7, 30, 60, 90, 720, 1439]) * MINUTE
        anchor = in_utc("2026-01-01T00:00:00+00:00") + random.randrange(-3000, 900_000) * MINUTE
        expected = [
            str(minute.astimezone(place))
            for minute in utc_minutes(day)
            if (minute - anchor) % interval == timedelta(0)
        ]
        body = {"interval": interval.total_seconds(), "anchor_date": str(anchor), "timezone": zone}

        assert dates_of(body, start, end=end) == expected, body


@pytest.mark.parametrize(("zone", "day"), CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_dates_do_not_depend_on_when_one_begins_to_look(kind: Kind, zone: str, day: str) -> None:
    start, end = around(day)
    for seed in range(4):
        random = Random(f"{zone}{day}{seed}")
        body = {**kind(random, zone)[0], "timezone": zone}
        dates = dates_of(body, str(start), end=str(end))
        for _ in range(6):
            later = start + random.randrange(72 * 3600) * timedelta(seconds=1)

            expected = [date for date in dates if in_utc(date) >= later]
            assert dates_of(body, str(later), end=str(end)) == expected, (body, later)
