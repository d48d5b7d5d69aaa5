"""What the table of the benchmarks says."""

from __future__ import annotations

import pytest

from tests.benchmarks.figures import Bound, Figure, Samples, table


def test_a_figure_is_the_median_with_its_spread() -> None:
    assert str(Samples([30.0, 10.0, 11.0], "ms")) == "11 ms (10-30)"


def test_a_single_sample_has_no_spread() -> None:
    assert str(Samples([1234.5], "/s")) == "1,234 /s"


@pytest.mark.parametrize(
    ("bound", "reached"),
    [
        (Bound(20), True),
        (Bound(19.9), False),
        (Bound(20, least=True), True),
        (Bound(20.1, least=True), False),
        (Bound(2, ratio=True), True),
        (Bound(1.9, ratio=True), False),
        (Bound(2, least=True, ratio=True), True),
        (Bound(2.1, least=True, ratio=True), False),
    ],
)
def test_a_bound_holds_for_the_median_or_for_the_ratio(bound: Bound, reached: bool) -> None:
    figure = Figure("x", Samples([5, 20, 40], "ms"), Samples([10], "ms"), "the floor", bound)

    assert figure.reached is reached


def test_a_ratio_without_its_counterpart_is_not_reached() -> None:
    assert not Figure("x", Samples([1], "ms"), bound=Bound(2, ratio=True)).reached


def test_the_table_names_what_is_missed() -> None:
    figures = [
        Figure(
            "start", Samples([30], "ms"), Samples([10], "ms"), "the floor", Bound(2, ratio=True)
        ),
        Figure("stop", Samples([30], "ms"), bound=Bound(50)),
        Figure("for information", Samples([7], "ms")),
    ]

    lines = table(figures).splitlines()

    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "start",
        "30 ms",
        "10 ms the floor",
        "3.00",
        "at most 2 times the floor",
        "NOT OK",
    ]
    assert lines[3].split("|")[-2].strip() == "ok"
    assert lines[4].split("|")[-2].strip() == ""


def test_a_column_that_nothing_fills_is_left_out() -> None:
    assert "must reach" not in table([Figure("for information", Samples([7], "ms"))])


def test_nothing_is_a_multiple_of_zero() -> None:
    figure = Figure("answers 503", Samples([0.0], "a run"), Samples([0.0], "a run"), "the other")

    assert figure.ratio is None
    assert "the other" in table([figure])
