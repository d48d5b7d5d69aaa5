"""What dates schedules have, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.clock import micros
from ephemeral_server.schedules.dates import ScheduleError, dates, kind
from ephemeral_server.schedules.schemas import CronSchedule, IntervalSchedule, RRuleSchedule
from tests.schedules.schedules import BERLIN, LORD_HOWE, NEW_YORK, dates_of, moment, schedule

HOURLY = {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z", "timezone": NEW_YORK}
AT_NINE = {"interval": 86400, "anchor_date": "2026-01-01T09:00:00-05:00", "timezone": NEW_YORK}


@pytest.mark.parametrize(
    ("body", "start", "expected"),
    [
        pytest.param(
            HOURLY,
            "2026-03-08T00:00-05:00",
            ["03-08 00:00:00-05:00", "03-08 01:00:00-05:00", "03-08 03:00:00-04:00"],
            id="hours-over-a-skipped-one",
        ),
        pytest.param(
            HOURLY,
            "2026-11-01T01:00-04:00",
            ["11-01 01:00:00-04:00", "11-01 01:00:00-05:00", "11-01 02:00:00-05:00"],
            id="hours-over-a-repeated-one",
        ),
        pytest.param(
            AT_NINE,
            "2026-03-06T00:00-05:00",
            ["03-06 09:00:00-05:00", "03-07 09:00:00-05:00", "03-08 09:00:00-04:00"],
            id="days-over-a-change",
        ),
        pytest.param(
            AT_NINE,
            "2026-07-01T00:00-04:00",
            ["07-01 09:00:00-04:00", "07-02 09:00:00-04:00"],
            id="days-in-another-season-than-the-anchor",
        ),
        pytest.param(
            {**AT_NINE, "anchor_date": "2026-07-01T09:00:00-04:00"},
            "2026-01-05T00:00-05:00",
            ["01-05 09:00:00-05:00", "01-06 09:00:00-05:00"],
            id="days-before-the-anchor",
        ),
        pytest.param(
            {**AT_NINE, "anchor_date": "2026-03-01T02:30:00-05:00"},
            "2026-03-07T12:00-05:00",
            ["03-08 03:30:00-04:00", "03-09 02:30:00-04:00"],
            id="days-of-a-time-that-is-skipped-once",
        ),
        pytest.param(
            {**AT_NINE, "anchor_date": "2026-11-01T01:30:00-05:00"},
            "2026-10-31T12:00-04:00",
            ["11-01 01:30:00-05:00", "11-02 01:30:00-05:00"],
            id="days-from-the-second-of-a-repeated-hour",
        ),
        pytest.param(
            {"interval": 36 * 3600, "anchor_date": "2026-03-06T09:00-05:00", "timezone": NEW_YORK},
            "2026-03-06T00:00-05:00",
            [
                "03-06 09:00:00-05:00",
                "03-07 21:00:00-05:00",
                "03-09 09:00:00-04:00",
                "03-10 21:00:00-04:00",
            ],
            id="a-day-and-a-half",
        ),
        pytest.param(
            {"interval": 3600, "anchor_date": "2030-01-01T00:20:00Z"},
            "2026-03-07T00:00",
            ["03-07 00:20:00+00:00", "03-07 01:20:00+00:00"],
            id="an-anchor-to-come",
        ),
        pytest.param(
            {"interval": 0.25, "anchor_date": "2026-01-01T00:00:00Z"},
            "2026-01-01T00:00:00.100",
            ["01-01 00:00:00.250000+00:00", "01-01 00:00:00.500000+00:00"],
            id="parts-of-a-second",
        ),
        pytest.param(
            {"cron": "0 * * * *", "timezone": NEW_YORK},
            "2026-03-08T00:00-05:00",
            [
                "03-08 00:00:00-05:00",
                "03-08 01:00:00-05:00",
                "03-08 03:00:00-04:00",
                "03-08 04:00:00-04:00",
            ],
            id="cron-hours-over-a-skipped-one",
        ),
        pytest.param(
            {"cron": "0 * * * *", "timezone": NEW_YORK},
            "2026-11-01T00:00-04:00",
            ["11-01 00:00:00-04:00", "11-01 01:00:00-04:00", "11-01 02:00:00-05:00"],
            id="cron-hours-over-a-repeated-one",
        ),
        pytest.param(
            {"cron": "0 9 * * *", "timezone": NEW_YORK},
            "2026-10-31T00:00-04:00",
            ["10-31 09:00:00-04:00", "11-01 09:00:00-05:00"],
            id="cron-days-over-a-change",
        ),
        pytest.param(
            {"cron": "30 2 * * *", "timezone": NEW_YORK},
            "2026-03-07T00:00-05:00",
            ["03-07 02:30:00-05:00", "03-08 03:30:00-04:00", "03-09 02:30:00-04:00"],
            id="cron-at-a-skipped-time",
        ),
        pytest.param(
            {"cron": "30 2 * * *", "timezone": NEW_YORK},
            "2026-03-08T03:10-04:00",
            ["03-08 03:30:00-04:00"],
            id="cron-at-a-skipped-time-from-just-before",
        ),
        pytest.param(
            {"cron": "*/20 2 * * *", "timezone": LORD_HOWE},
            "2026-10-04T00:00+10:30",
            ["10-04 02:30:00+11:00", "10-04 02:40:00+11:00", "10-04 02:50:00+11:00"],
            id="cron-where-skipped-times-mix-with-later-ones",
        ),
        pytest.param(
            {"cron": "30 1 * * *", "timezone": NEW_YORK},
            "2026-11-01T01:15-05:00",
            ["11-02 01:30:00-05:00"],
            id="cron-in-the-second-of-a-repeated-hour",
        ),
        pytest.param(
            {"cron": "0 9 * * *"}, "2026-01-01T09:00", ["01-01 09:00:00+00:00"], id="cron-at-start"
        ),
        pytest.param(
            {"cron": "0 9 * * *"},
            "2026-01-01T09:00:00.000001",
            ["01-02 09:00:00+00:00"],
            id="cron-just-after-start",
        ),
        pytest.param(
            {"cron": "0 0 13 * 5"},
            "2026-03-01T00:00",
            ["03-06 00:00:00+00:00", "03-13 00:00:00+00:00", "03-20 00:00:00+00:00"],
            id="cron-day-or",
        ),
        pytest.param(
            {"cron": "0 0 13 * 5", "day_or": False},
            "2026-03-01T00:00",
            ["03-13 00:00:00+00:00", "11-13 00:00:00+00:00"],
            id="cron-day-and",
        ),
        pytest.param(
            {"cron": "0 0 L * *"},
            "2026-02-01T00:00",
            ["02-28 00:00:00+00:00", "03-31 00:00:00+00:00"],
            id="cron-last-day",
        ),
        pytest.param(
            {"cron": "0 0 * * 5#2"},
            "2026-02-01T00:00",
            ["02-13 00:00:00+00:00", "03-13 00:00:00+00:00"],
            id="cron-second-friday",
        ),
        pytest.param(
            {"cron": "0 0 * * L5"},
            "2026-02-01T00:00",
            ["02-27 00:00:00+00:00", "03-27 00:00:00+00:00"],
            id="cron-last-friday",
        ),
        pytest.param(
            {"cron": "0 0 * * * 30"}, "2026-02-01T00:00", ["02-01 00:00:30+00:00"], id="cron-second"
        ),
        pytest.param(
            {"cron": "0 0 1 feb-mar mon 0 2026"},
            "2026-01-01T00:00",
            ["02-01 00:00:00+00:00", "02-02 00:00:00+00:00"],
            id="cron-names-and-year",
        ),
        pytest.param(
            {"cron": "@weekly"},
            "2026-02-03T00:00",
            ["02-08 00:00:00+00:00", "02-15 00:00:00+00:00"],
            id="cron-alias",
        ),
        pytest.param(
            {"rrule": "DTSTART:20260101T090000Z\nFREQ=DAILY", "timezone": NEW_YORK},
            "2026-03-06T00:00-05:00",
            ["03-06 09:00:00-05:00", "03-07 09:00:00-05:00", "03-08 09:00:00-04:00"],
            id="rrule-whose-zone-is-the-schedules",
        ),
        pytest.param(
            {
                "rrule": "DTSTART;TZID=Asia/Tokyo:20260101T090000\nFREQ=DAILY",
                "timezone": NEW_YORK,
            },
            "2026-03-06T00:00-05:00",
            ["03-06 09:00:00-05:00"],
            id="rrule-with-a-zone-of-its-own",
        ),
        pytest.param(
            {
                "rrule": "DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=3\n"
                "RDATE:20260201T090000\nEXDATE:20260102T090000"
            },
            "2025-01-01T00:00",
            ["01-01 09:00:00+00:00", "01-03 09:00:00+00:00", "02-01 09:00:00+00:00"],
            id="rrule-set",
        ),
        pytest.param(
            {"rrule": "RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY;BYHOUR=0,9\nEXRULE:FREQ=WEEKLY;BYDAY=TU"},
            "2026-03-02T00:00",
            [
                "03-02 00:00:00+00:00",
                "03-02 09:00:00+00:00",
                "03-03 09:00:00+00:00",
                "03-04 00:00:00+00:00",
            ],
            id="rrules-of-which-one-excludes",
        ),
        pytest.param(
            {"rrule": "FREQ=DAILY;UNTIL=20260303T000000Z", "timezone": NEW_YORK},
            "2026-03-02T00:00-05:00",
            ["03-02 00:00:00-05:00", "03-03 00:00:00-05:00"],
            id="rrule-until",
        ),
        pytest.param(
            {"rrule": "FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;BYHOUR=2", "timezone": NEW_YORK},
            "2026-01-01T00:00-05:00",
            ["03-08 03:00:00-04:00"],
            id="rrule-that-names-only-skipped-times",
        ),
        pytest.param(
            {"rrule": "DTSTART:20260101T000000\nFREQ=HOURLY", "timezone": BERLIN},
            "2026-10-25T01:00+02:00",
            ["10-25 01:00:00+02:00", "10-25 02:00:00+02:00", "10-25 03:00:00+01:00"],
            id="rrule-hours-over-a-repeated-one",
        ),
    ],
)
def test_the_dates(body: dict[str, Any], start: str, expected: list[str]) -> None:
    assert dates_of(body, start, len(expected)) == [f"2026-{date}" for date in expected]


@pytest.mark.parametrize(
    ("body", "start", "expected"),
    [
        ({"cron": "0 0 1 1 * 0 2026"}, "2026-01-02T00:00", []),
        ({"cron": "0 0 1 1 * 0 2099"}, "2026-01-02T00:00", ["2099-01-01 00:00:00+00:00"]),
        ({"rrule": "FREQ=DAILY;COUNT=3"}, "2026-01-01T00:00", []),
        ({"rrule": "FREQ=DAILY;COUNT=0"}, "2019-01-01T00:00", []),
        ({"rrule": "RDATE:20260201T090000"}, "2026-02-02T00:00", []),
    ],
)
def test_a_schedule_that_has_had_its_dates_has_none_to_come(
    body: dict[str, Any], start: str, expected: list[str]
) -> None:
    assert dates_of(body, start) == expected


BODIES: list[dict[str, Any]] = [
    {"interval": 600, "anchor_date": "2026-01-01T00:00:00Z"},
    {"interval": 86400, "anchor_date": "2026-01-01T00:00:00Z"},
    {"cron": "*/10 * * * *"},
    {"rrule": "DTSTART:20260101T000000\nFREQ=MINUTELY;INTERVAL=10"},
]


@pytest.mark.parametrize("body", BODIES)
def test_start_and_end_may_be_dates(body: dict[str, Any]) -> None:
    found = dates_of(body, "2026-03-02T00:00", end="2026-03-03T00:00")

    assert found[0] == "2026-03-02 00:00:00+00:00"
    assert found[-1] == "2026-03-03 00:00:00+00:00"


@pytest.mark.parametrize("body", BODIES)
def test_there_are_no_dates_when_the_end_is_before_the_start(body: dict[str, Any]) -> None:
    assert dates_of(body, "2026-03-02T00:00", end="2026-03-01T23:59:59") == []


@pytest.mark.parametrize(
    "body",
    [{"cron": "*/30 * * * *"}, {"rrule": "DTSTART:20260101T000000\nFREQ=MINUTELY;INTERVAL=30"}],
)
def test_an_end_in_a_repeated_hour_is_later_than_all_times_of_the_first(
    body: dict[str, Any],
) -> None:
    body = {**body, "timezone": NEW_YORK}
    found = dates_of(body, "2026-11-01T01:00-04:00", end="2026-11-01T01:10-05:00")

    assert found == ["2026-11-01 01:00:00-04:00", "2026-11-01 01:30:00-04:00"]


def test_a_schedule_of_an_unknown_zone_gives_no_dates() -> None:
    moved = schedule(cron="@daily").model_copy(update={"timezone": "Mars/Olympus"})

    with pytest.raises(ScheduleError, match="Mars/Olympus"):
        next(dates(moved, micros(moment("2026-01-01"))))


def test_a_cron_expression_that_never_fires_gives_no_dates() -> None:
    old = CronSchedule.model_construct(cron="0 0 31 2 *", day_or=True, timezone=None)

    with pytest.raises(ScheduleError, match="never fires"):
        next(dates(old, micros(moment("2026-01-01"))))


def test_schedules_are_named_by_their_kind() -> None:
    assert [kind(schedule(**body)) for body in BODIES[1:]] == [
        IntervalSchedule.__name__,
        CronSchedule.__name__,
        RRuleSchedule.__name__,
    ]
