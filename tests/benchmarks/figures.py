"""Samples, what they must reach, and the table of both."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Samples:
    """The same thing measured several times.

    Args:
        values: one for each run, at least one.
        unit: of every value.
    """

    values: Sequence[float]
    unit: str

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        spread = f" ({_number(low)}-{_number(high)})" if len(self.values) > 1 else ""
        return f"{_number(self.median)} {self.unit}{spread}"


@dataclass(frozen=True)
class Bound:
    """What a figure must reach.

    Args:
        value: the bound itself.
        least: whether it is the least value, not the greatest.
        ratio: whether it holds for our value divided by the other's, not for ours alone.
    """

    value: float
    least: bool = False
    ratio: bool = False

    def holds(self, value: float) -> bool:
        return value >= self.value if self.least else value <= self.value


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Args:
        name: what was measured.
        ours: this server's samples.
        other: samples of what it stands beside.
        beside: the name of that: the floor, the reference, one client.
        bound: what must hold; None for a figure that only informs.
    """

    name: str
    ours: Samples
    other: Samples | None = None
    beside: str = ""
    bound: Bound | None = None

    @property
    def ratio(self) -> float | None:
        """Our median divided by the other's; None if that is zero."""
        if self.other is None or not self.other.median:
            return None
        return self.ours.median / self.other.median

    @property
    def reached(self) -> bool:
        if self.bound is None:
            return True
        value = self.ratio if self.bound.ratio else self.ours.median
        return value is not None and self.bound.holds(value)

    def row(self) -> list[str]:
        """The cells of its line."""
        verdict = "" if self.bound is None else "ok" if self.reached else "NOT OK"
        other = f"{self.other} {self.beside}" if self.other else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        return [self.name, str(self.ours), other, ratio, self._must(), verdict]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.ours.unit,
            "median": self.ours.median,
            "values": list(self.ours.values),
            "beside": self.beside or None,
            "other_values": list(self.other.values) if self.other else None,
            "ratio": self.ratio,
            "must": self._must() or None,
            "reached": self.reached,
        }

    def _must(self) -> str:
        if self.bound is None:
            return ""
        sign = "at least" if self.bound.least else "at most"
        unit = f"times {self.beside}" if self.bound.ratio else self.ours.unit
        return f"{sign} {_number(self.bound.value)} {unit}"


HEADER = ["what", "median (min-max)", "beside", "ratio", "must reach", ""]


def table(figures: Sequence[Figure]) -> str:
    """All figures as aligned text, in the form of a Markdown table without empty columns."""
    cells = [figure.row() for figure in figures]
    used = [column for column in range(len(HEADER)) if any(row[column] for row in cells)]
    rows = [[row[column] for column in used] for row in (HEADER, *cells)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
