"""Which schedules come in, and what is kept of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ephemeral_server.schedules.dates import ScheduleError, dates
from ephemeral_server.schedules.schemas import Schedule, loaded
from tests.schedules.schedules import BERLIN, NEW_YORK, NOW, kept


def errors(body: dict[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    """Where and why a body is refused, without what the other kinds of schedules lack."""
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Schedule).validate_python(body)
    return [
        (error["loc"], error["msg"])
        for error in refused.value.errors()
        if error["type"] not in ("missing", "extra_forbidden")
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"interval": 3600, "anchor_date": "2026-01-01T00:17:00Z"},
            '{"interval":3600.0,"anchor_date":"2026-01-01T00:17:00Z","timezone":"UTC"}',
        ),
        (
            {"interval": "PT1M30.5S", "anchor_date": "2026-01-01T00:17:00.5+02:00"},
            '{"interval":90.5,"anchor_date":"2026-01-01T00:17:00.500000+02:00","timezone":"UTC"}',
        ),
        (
            {"interval": "01:00:00", "anchor_date": "2026-01-01T00:17:00", "timezone": BERLIN},
            '{"interval":3600.0,"anchor_date":"2026-01-01T00:17:00Z","timezone":"Europe/Berlin"}',
        ),
        (
            {"interval": 60, "timezone": None},
            '{"interval":60.0,"anchor_date":"2026-11-22T09:31:00Z","timezone":"UTC"}',
        ),
        ({"cron": "*/5 * * * *"}, '{"cron":"*/5 * * * *","timezone":null,"day_or":true}'),
        (
            {"cron": "@daily", "timezone": NEW_YORK, "day_or": False},
            '{"cron":"@daily","timezone":"America/New_York","day_or":false}',
        ),
        (
            {"rrule": "DTSTART:20200101T000000\nFREQ=DAILY;BYHOUR=9"},
            '{"rrule":"DTSTART:20200101T000000\\nFREQ=DAILY;BYHOUR=9","timezone":"UTC"}',
        ),
    ],
)
def test_what_is_kept_is_what_is_returned(body: dict[str, Any], expected: str) -> None:
    assert kept(**body) == expected


@pytest.mark.parametrize(
    "body",
    [
        {"interval": 90.25, "anchor_date": "2026-01-01T00:17:00.5+02:00", "timezone": NEW_YORK},
        {"interval": 60},
        {"cron": "0 0 13 * 5", "timezone": NEW_YORK, "day_or": False},
        {"rrule": "FREQ=DAILY", "timezone": NEW_YORK},
    ],
)
def test_what_is_kept_can_be_sent_and_loaded_again(body: dict[str, Any]) -> None:
    text = kept(**body)

    assert kept(**json.loads(text)) == text
    assert loaded(text) == TypeAdapter(Schedule).validate_json(text)


@pytest.mark.parametrize(
    ("rrule", "timezone", "start"),
    [
        ("FREQ=DAILY", "UTC", "20200101T000000"),
        ("FREQ=MINUTELY;INTERVAL=7", NEW_YORK, "20261122T042700"),
        ("RRULE:FREQ=MINUTELY;INTERVAL=7", "UTC", "20261122T092800"),
        ("freq=secondly;interval=100000", "UTC", "20261122T084000"),
        ("FREQ=MINUTELY;COUNT=3", "UTC", "20200101T000000"),
        ("FREQ=HOURLY;INTERVAL=5", "UTC", "20200101T000000"),
        ("RRULE:FREQ=MINUTELY\nRRULE:FREQ=MINUTELY", "UTC", "20200101T000000"),
        ("RRULE:FREQ=MINUTELY\nEXDATE:20260101T000000", "UTC", "20200101T000000"),
    ],
)
def test_a_rule_without_a_start_gets_one(rrule: str, timezone: str, start: str) -> None:
    text = json.loads(kept(rrule=rrule, timezone=timezone))["rrule"]

    assert text == f"DTSTART:{start}\n{rrule}"


@pytest.mark.parametrize(
    "rrule",
    [
        "dtstart:20260101T000000\nfreq=daily",
        "DTSTART;TZID=America/New_York:20260101T000000\nRRULE:FREQ=DAILY",
        # With a start that is not in UTC this is an error to all clients.
        "FREQ=DAILY;UNTIL=20261231T000000Z",
        # With a start it is longer than clients take.
        "RDATE:" + ",".join(["20260101T000000"] * 405),
    ],
)
def test_some_rules_are_kept_as_they_are(rrule: str) -> None:
    assert json.loads(kept(rrule=rrule))["rrule"] == rrule


INTERVAL = "function-after[validate_timezone(), IntervalSchedule]"
CRON = "function-after[validate_timezone(), CronSchedule]"
UNKNOWN = (
    'Value error, Invalid timezone: "Bogus/X" '
    "(specify in IANA tzdata format, for example, America/New_York)"
)

MIXED = "DTSTART:20260101T000000\nRRULE:FREQ=DAILY;UNTIL=20261231T000000Z"
NOT_BOTH_IN_UTC = "RRULE UNTIL values must be specified in UTC when DTSTART is timezone-aware"
NO_RULE = "not enough values to unpack (expected 2, got 1)"


@pytest.mark.parametrize(
    ("body", "where", "why"),
    [
        ({"interval": 0}, (INTERVAL, "interval"), "Value error, interval must be positive"),
        ({"interval": -1}, (INTERVAL, "interval"), "Value error, interval must be positive"),
        ({"interval": 1e-9}, (INTERVAL, "interval"), "Value error, interval must be positive"),
        ({"cron": "bad"}, (CRON, "cron"), 'Value error, Invalid cron string: "bad"'),
        ({"cron": ""}, (CRON, "cron"), 'Value error, Invalid cron string: ""'),
        (
            {"cron": "0 0 31 2 *"},
            (CRON, "cron"),
            'Value error, Invalid cron string: "0 0 31 2 *" (it never fires)',
        ),
        (
            {"cron": "0 0 31 2 1", "day_or": False},
            (CRON, "cron"),
            'Value error, Invalid cron string: "0 0 31 2 1" (it never fires)',
        ),
        (
            {"rrule": "nonsense"},
            ("RRuleSchedule", "rrule"),
            'Value error, Invalid RRule string "nonsense": ' + NO_RULE,
        ),
        (
            {"rrule": ""},
            ("RRuleSchedule", "rrule"),
            'Value error, Invalid RRule string "": empty string',
        ),
        (
            {"rrule": "FREQ=DAILY;INTERVAL=0"},
            ("RRuleSchedule", "rrule"),
            'Value error, Invalid RRule string "FREQ=DAILY;INTERVAL=0": INTERVAL must be positive',
        ),
        (
            {"rrule": MIXED},
            ("RRuleSchedule", "rrule"),
            f'Value error, Invalid RRule string "{MIXED}": {NOT_BOTH_IN_UTC}',
        ),
        (
            {"rrule": "X" * 6501},
            ("RRuleSchedule", "rrule"),
            f'Value error, Invalid RRule string "{"X" * 40}..."\nMax length is 6500, got 6501',
        ),
        (
            {"rrule": "FREQ=DAILY", "timezone": None},
            ("RRuleSchedule", "timezone"),
            "Value error, Invalid timezone: a recurrence rule needs one",
        ),
        (
            {"rrule": "FREQ=DAILY", "timezone": "Bogus/X"},
            ("RRuleSchedule", "timezone"),
            UNKNOWN,
        ),
    ],
)
def test_what_makes_no_schedule_is_refused(
    body: dict[str, Any], where: tuple[str, ...], why: str
) -> None:
    assert errors(body) == [(where, why)]


@pytest.mark.parametrize(
    ("body", "where"), [({"interval": 60}, INTERVAL), ({"cron": "@daily"}, CRON)]
)
def test_an_unknown_zone_is_refused(body: dict[str, Any], where: str) -> None:
    assert ((where,), UNKNOWN) in errors({**body, "timezone": "Bogus/X"})


@pytest.mark.parametrize(
    "cron",
    ["R * * * *", "* h * * *", "R/5 * * * *", "0 H(0-3) * * *", "0 r/2 * * *", "1,R * * * *"],
)
def test_a_cron_expression_of_made_up_times_is_refused(cron: str) -> None:
    expected = f'Value error, Random and Hashed expressions are unsupported, received: "{cron}"'

    assert errors({"cron": cron}) == [((CRON, "cron"), expected)]


@pytest.mark.parametrize("cron", ["0 0 * mar-apr thu,fri", "0 0 * 3 FRI", "@HOURLY", " * * * * * "])
def test_a_cron_expression_of_names_is_taken(cron: str) -> None:
    assert json.loads(kept(cron=cron))["cron"] == cron


def test_what_matches_no_kind_is_told_why_for_each() -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Schedule).validate_python({})

    assert [(error["loc"], error["type"]) for error in refused.value.errors()] == [
        ((INTERVAL, "interval"), "missing"),
        ((CRON, "cron"), "missing"),
        (("RRuleSchedule", "rrule"), "missing"),
    ]


@pytest.mark.parametrize("body", [{"interval": 60, "cron": "@daily"}, {"interval": 60, "x": 1}])
def test_what_a_kind_does_not_have_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        TypeAdapter(Schedule).validate_python(body)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{}",
        '{"interval":"x","anchor_date":"2026-01-01T00:00:00Z","timezone":"UTC"}',
        '{"interval":1e300,"anchor_date":"2026-01-01T00:00:00Z","timezone":"UTC"}',
        '{"interval":60,"anchor_date":5,"timezone":"UTC"}',
        '{"interval":0,"anchor_date":"2026-01-01T00:00:00Z","timezone":"UTC"}',
        '{"interval":60,"anchor_date":"2026-01-01T00:00:00Z","timezone":"Mars"}',
        '{"interval":60,"anchor_date":"2026-01-01T00:00:00Z","timezone":5}',
        '{"cron":5,"timezone":null,"day_or":true}',
        '{"cron":"bad","timezone":null,"day_or":true}',
        '{"rrule":5,"timezone":"UTC"}',
        '{"rrule":"bad","timezone":"UTC"}',
        '{"rrule":"FREQ=DAILY;INTERVAL=0","timezone":"UTC"}',
    ],
)
def test_what_is_kept_but_cannot_be_read_is_an_error_of_its_own_kind(text: str) -> None:
    with pytest.raises(ScheduleError):
        next(dates(loaded(text), NOW))
