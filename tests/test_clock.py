"""Instants, and what follows them."""

from __future__ import annotations

import pytest

from ephemeral_server.clock import FIRST, LAST, SECOND, ManualClock, isoformat, later, micros
from ephemeral_server.clock import to_datetime as datetime_of


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (FIRST, "0001-01-01T00:00:00Z"),
        (LAST, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_instants_are_written_as_clients_read_them(instant: int, written: str) -> None:
    assert isoformat(instant) == written
    assert micros(datetime_of(instant)) == instant


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, 5), (1.5, 5 + 1_500_000), (-2, 5 - 2 * SECOND), (0.0000004, 5), (0.0000006, 6)],
)
def test_some_seconds_later(seconds: float, expected: int) -> None:
    assert later(5, seconds) == expected


@pytest.mark.parametrize("seconds", [1e12, 2**63, 1e308, float("inf")])
def test_nothing_is_later_than_the_last_date_or_earlier_than_the_first(seconds: float) -> None:
    assert later(ManualClock().now(), seconds) == LAST
    assert later(ManualClock().now(), -seconds) == FIRST


def test_a_manual_clock_goes_on_only_when_it_is_told_to() -> None:
    clock = ManualClock(7)
    assert clock.now() == clock.now() == 7
    clock.advance(1.5)
    assert clock.now() == 7 + 1_500_000
