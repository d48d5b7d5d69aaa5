"""Where recurrence rules that name no start begin."""

from __future__ import annotations

from ephemeral_server.clock import SECOND, micros, to_datetime
from ephemeral_server.schedules.rrules import BEGINNING, check, read
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

    if "DTSTART" in rrule.upper():
        return rrule
    rules = read(rrule)
    start = BEGINNING
    units = {SECONDLY: SECOND, MINUTELY: 60 * SECOND}
    if len(rules.rules) == 1 and not any(rules[1:]):
        (rule,) = rules.rules
        if rule._freq in units and rule._count is None:
            step = rule._interval * units[rule._freq]
            begun = micros(BEGINNING)
            wall, _ = wall_of(now, zone(timezone))
            start = to_datetime(begun + (wall - begun) // step * step)
    text = f"DTSTART:{start:%Y%m%dT%H%M%S}\n{rrule}"
    try:
        check(text)
    except ValueError:
        # UNTIL in UTC does not go with a start that is not, or this is too long. Without a start
        # of its own the rule begins in 2020 as well.
        return rrule
    return text
