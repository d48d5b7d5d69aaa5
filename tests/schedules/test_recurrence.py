"""Rules that are asked for dates long after they began have those of the rules from the start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any

import pytest
from dateutil.rrule import rrulestr

from ephemeral_server.schedules.recurrence import Effort, occurrences

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
NTH_WEEKDAYS = tuple(f"{number}{day}" for number in (1, 2, 4, -1, -2) for day in WEEKDAYS)
MONTH_DAYS = (*range(1, 32), -1, -2, -30)
YEAR_DAYS = (*range(1, 367), -1, -100, -366)

YEAR = timedelta(days=365)


def a_rule(random: Random, freq: str) -> str:
    """A rule of some parts; those about which dateutil is right, and that go together."""
    parts = [f"FREQ={freq}", f"INTERVAL={random.choice([1, 1, 2, 3, 5, 7])}"]

    def add(name: str, values: Sequence[object], most: int, chance: float = 1) -> None:
        if random.random() < chance:
            picked = random.sample(values, random.randint(1, most))
            parts.append(f"{name}={','.join(map(str, picked))}")

    weekdays = NTH_WEEKDAYS if freq in ("YEARLY", "MONTHLY") and random.random() < 0.5 else WEEKDAYS
    match random.randrange(8):
        case 0 | 1:
            add("BYDAY", weekdays, 4)
            add("BYMONTH", range(1, 13), 6, 0.5)
        case 2 | 3:
            add("BYMONTHDAY", MONTH_DAYS, 12)
        case 4:
            add("BYYEARDAY", YEAR_DAYS, 200)
        case 5:
            add("BYWEEKNO", range(1, 52), 30)
        case 6:
            # In other periods dateutil looks at the Easter of another year.
            add("BYEASTER", range(-60, 60), 30, 1 if freq in ("YEARLY", "DAILY") else 0)
    add("BYHOUR", range(24), 12, 0.3)
    add("BYMINUTE", range(60), 30, 0.3)
    add("BYSECOND", range(60), 30, 0.2)
    if freq != "WEEKLY":  # dateutil leaves what is before the start out of its first week
        add("WKST", WEEKDAYS, 1, 0.2)
        if freq in ("YEARLY", "MONTHLY", "DAILY"):
            add("BYSETPOS", (1, 2, 3, -1, -2), 3, 0.25)
    add("COUNT", (1, 5, 30, 400), 1, 0.2)
    return ";".join(parts)


def known(rule: Any, start: datetime, end: datetime) -> Iterator[datetime]:
    """The dates of a rule as dateutil goes through them."""
    for date in rule:
        if date > end:
            return
        if date >= start:
            yield date


@pytest.mark.parametrize(
    ("freq", "span"),
    [
        ("YEARLY", 10 * YEAR),
        ("MONTHLY", 4 * YEAR),
        ("WEEKLY", 2 * YEAR),
        ("DAILY", YEAR),
        ("HOURLY", timedelta(days=30)),
        ("MINUTELY", timedelta(days=2)),
        ("SECONDLY", timedelta(hours=6)),
    ],
)
def test_dates_are_those_of_dateutil(freq: str, span: timedelta) -> None:
    random = Random(freq)
    with_dates = 0
    for _ in range(25):
        text = a_rule(random, freq)
        begin = datetime(2020, 1, 1) + random.randrange(60 * 86_400) * timedelta(seconds=1)
        start = (begin + random.uniform(-0.1, 1) * span).replace(microsecond=0)
        end = start + span
        try:
            rule = rrulestr(text, dtstart=begin)
        except ValueError:  # it can have no dates
            continue
        expected = list(islice(known(rule, start, end), 50))
        found = list(islice(occurrences(rule, start, end, Effort()), 50))

        assert found == expected, (text, begin, start)
        with_dates += bool(expected)
    assert with_dates > 4
