"""No schedule takes long, whatever it says."""

from __future__ import annotations

import sys
from subprocess import run
from textwrap import dedent
from typing import Any

import pytest

from ephemeral_server.clock import FIRST, LAST
from ephemeral_server.schedules import recurrence
from ephemeral_server.schedules.dates import ScheduleError, dates
from tests.schedules.schedules import BERLIN, NEW_YORK, dates_of, schedule

pytestmark = pytest.mark.timeout(20)

ALL_DAY = f"BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"interval": 1e-6, "anchor_date": "0001-01-01T00:00:00+14:00"},
            ["2026-03-02 00:00:00-05:00", "2026-03-02 00:00:00.000001-05:00"],
        ),
        ({"interval": 1e13, "anchor_date": "9999-12-31T23:59:59-12:00"}, []),
        (
            {"interval": 86_400, "anchor_date": "0001-01-01T00:00:00+14:00"},
            ["2026-03-02 05:03:58-05:00", "2026-03-03 05:03:58-05:00"],
        ),
        (
            {"interval": 86_400, "anchor_date": "9999-12-31T23:59:59-12:00"},
            ["2026-03-02 06:59:59-05:00", "2026-03-03 06:59:59-05:00"],
        ),
        (
            {"rrule": "DTSTART:00010101T000000\nFREQ=SECONDLY"},
            ["2026-03-02 00:00:00-05:00", "2026-03-02 00:00:01-05:00"],
        ),
        (
            {"rrule": "DTSTART:00010101T000000\nFREQ=SECONDLY;COUNT=99999999999"},
            ["2026-03-02 00:00:00-05:00", "2026-03-02 00:00:01-05:00"],
        ),
        (
            {"rrule": "DTSTART:00010131T000000\nFREQ=MONTHLY"},
            ["2026-03-31 00:00:00-04:00", "2026-05-31 00:00:00-04:00"],
        ),
        ({"rrule": "DTSTART:99991230T000000\nFREQ=SECONDLY"}, []),
        ({"rrule": f"FREQ=YEARLY;INTERVAL=1{'0' * 4000}"}, []),
        (
            {"rrule": f"FREQ=DAILY;{ALL_DAY}"},
            ["2026-03-02 00:00:00-05:00", "2026-03-02 00:01:00-05:00"],
        ),
        ({"rrule": "FREQ=DAILY;INTERVAL=7;BYDAY=TU"}, []),
        ({"rrule": "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"}, []),
        (
            {"rrule": "RRULE:FREQ=DAILY\nEXRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"},
            ["2026-03-02 00:00:00-05:00", "2026-03-03 00:00:00-05:00"],
        ),
    ],
)
def test_odd_schedules_have_their_dates(body: dict[str, Any], expected: list[str]) -> None:
    body = {**body, "timezone": NEW_YORK}

    assert dates_of(body, "2026-03-02T05:00", 2, end="2026-06-10T05:00") == expected


@pytest.mark.parametrize(
    "rrule",
    [
        "DTSTART:00010101T000000\nFREQ=SECONDLY;COUNT=99999999999;BYHOUR=9",
        "RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY",
        "RRULE:FREQ=DAILY\n" + "\n".join(["EXRULE:FREQ=SECONDLY"] * 100),
        "\n".join(["RRULE:FREQ=SECONDLY;COUNT=9999999;BYHOUR=3"] * 100),
    ],
)
def test_a_rule_that_gives_no_date_is_given_up(rrule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence.Effort, "LIMIT", 10_000)
    monkeypatch.setattr(recurrence.Effort, "GAIN", 1)

    with pytest.raises(ScheduleError, match="too few dates"):
        dates_of({"rrule": rrule}, "2026-03-02T00:00")


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=YEARLY;BYDAY=1MO;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYSETPOS=2",
        "FREQ=MINUTELY;BYSETPOS=-2",
        "FREQ=HOURLY;BYMINUTE=1,2;BYSECOND=3,4;BYSETPOS=5",
        "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=5",
    ],
)
def test_a_rule_whose_parts_never_meet_has_no_dates(rrule: str) -> None:
    assert dates_of({"rrule": rrule}, "2026-03-02T00:00") == []


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN, "UTC", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    "body",
    [
        {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z"},
        {"interval": 86_400, "anchor_date": "2026-01-01T00:00:00Z"},
        {"cron": "0 * * * *"},
        {"rrule": "FREQ=HOURLY"},
        {"rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU"},
    ],
)
def test_time_has_a_beginning_and_an_end(body: dict[str, Any], zone: str) -> None:
    found = schedule(**body, timezone=zone)

    next(dates(found, FIRST - 1))
    last = list(dates(found, LAST - 3 * 86_400_000_000, LAST + 1))[-1]
    assert last.year == 9999


def test_a_day_that_a_country_left_out_is_made_up_for_once() -> None:
    body = {"cron": "0 9 * * *", "timezone": "Pacific/Apia"}

    assert dates_of(body, "2011-12-29T12:00", 4) == [
        "2011-12-29 09:00:00-10:00",
        "2011-12-31 09:00:00+14:00",
        "2012-01-01 09:00:00+14:00",
        "2012-01-02 09:00:00+14:00",
    ]


def test_what_reads_schedules_is_not_loaded_before_there_are_some() -> None:
    code = """
        import sys
        import ephemeral_server.schedules.dates
        assert not {"croniter", "dateutil"} & sys.modules.keys()
    """

    assert run([sys.executable, "-c", dedent(code)], check=False).returncode == 0
