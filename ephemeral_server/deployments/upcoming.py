"""The dates that runs are to be planned for: how far ahead, and how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ephemeral_server.clock import later, micros
from ephemeral_server.schedules.dates import dates, kind
from ephemeral_server.schedules.schemas import loaded
from ephemeral_server.settings import Settings

#: No request gets more dates of a schedule than these.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """Which dates of a schedule are taken: the first ones, until they are enough.

    They are enough when there are `min_runs` and the last is `soon` or later, or when there are
    `max_runs`. Instants are microseconds since 1970 UTC.
    """

    start: int
    end: int
    soon: int
    min_runs: int
    max_runs: int

    @classmethod
    def ahead(
        cls,
        settings: Settings,
        start: int,
        end: int | None = None,
        *,
        min_seconds: float | None = None,
        min_runs: int | None = None,
        max_runs: int | None = None,
    ) -> Window:
        """The window from an instant on; what is not given is as the settings say."""
        if end is None:
            end = later(start, settings.scheduler_max_scheduled_seconds)
        if min_seconds is None:
            min_seconds = settings.scheduler_min_scheduled_seconds
        if min_runs is None:
            min_runs = settings.scheduler_min_runs
        if max_runs is None:
            max_runs = settings.scheduler_max_runs
        return cls(start, end, later(start, min_seconds), min_runs, min(max_runs, MOST))


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The dates of one schedule within a window.

    Attributes:
        kind: of the schedule.
        instants: of the dates, ascending, microseconds since 1970 UTC.
        problem: why there are no (more) dates, if something is wrong with the schedule.
    """

    kind: str
    instants: Sequence[int]
    problem: Exception | None = None


#: The dates of schedules, by the text that the database has of each.
Calendar = Mapping[str, Upcoming]


def calendar(schedules: Iterable[str], window: Window) -> Calendar:
    """The dates of schedules within a window.

    To find them may take long, so this is no work for a transaction or for the event loop.
    """
    return {text: _upcoming(text, window) for text in set(schedules)}


def _upcoming(text: str, window: Window) -> Upcoming:
    known, instants = "", list[int]()
    try:
        schedule = loaded(text)
        known = kind(schedule)
        for date in islice(dates(schedule, window.start, window.end), max(window.max_runs, 0)):
            instants.append(micros(date))
            if len(instants) >= window.min_runs and instants[-1] >= window.soon:
                break
    except Exception as error:  # whatever it is, other schedules have nothing to do with it
        return Upcoming(known, instants, error)
    return Upcoming(known, instants)
