"""Where recurrence rules that name no start begin."""

from __future__ import annotations

from ephemeral_server.clock import SECOND, micros, to_datetime
from ephemeral_server.schedules.rrules import BEGINNING, read
from ephemeral_server.schedules.zones import wall_of, zone


def anchored(rrule: str, timezone: str | None, now: int) -> str:
    """The rule with a start, from which its dates are counted ever after.

    All begin in 2020. A rule of seconds or minutes, unless its dates are counted, begins on the
    last whole interval since then, so that readers need not go through all those years.

    Args:
        timezone: the zone that the rule is read in.
        now: microseconds since 1970 UTC.
    """
    from dateutil.rrule import MINUTELY, SECONDLY
    from dateutil.rrule import rrule as SingleRule

    if "DTSTART" in rrule.upper():
        return rrule
    rule = read(rrule)
    start = BEGINNING
    units = {SECONDLY: SECOND, MINUTELY: 60 * SECOND}
    if isinstance(rule, SingleRule) and rule._freq in units and rule._count is None:
        step = rule._interval * units[rule._freq]
        begun = micros(BEGINNING)
        wall, _ = wall_of(now, zone(timezone))
        start = to_datetime(begun + (wall - begun) // step * step)
    return f"DTSTART:{start:%Y%m%dT%H%M%S}\n{rrule}"
