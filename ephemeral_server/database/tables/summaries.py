"""What SQLite keeps about flow runs beside them, so that large databases answer as small ones.

Triggers keep it up to date, in the transaction that changes a run and whatever changes it.
PostgreSQL has none of this: there writers would wait for each other at the counts, and an index
of its own kind finds tags.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from ephemeral_server.database.tables.base import ONLY_SQLITE, metadata
from ephemeral_server.database.types import Duration, Id, Instant

_KEY = ("flow_id", "deployment_id", "state_type", "state_name")

#: The tags of each flow run.
flow_run_tag = Table(
    "flow_run_tag",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("flow_run_id", Id, primary_key=True),
    sqlite_with_rowid=False,
    info=ONLY_SQLITE,
)

#: How many flow runs have a tag.
flow_run_tag_count = Table(
    "flow_run_tag_count",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    info=ONLY_SQLITE,
)

#: How many runs of a flow and a deployment are in a state, under the names of `flow_run`; a text
#: that is missing there is empty here.
flow_run_count = Table(
    "flow_run_count",
    metadata,
    *(Column(name, Text, primary_key=True) for name in _KEY),
    Column("runs", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    info=ONLY_SQLITE,
)

#: Runs that have ended, summed up over the stretches of time in which they were expected. Those
#: that have not are few, and what they count changes with the present instant.
flow_run_ended = Table(
    "flow_run_ended",
    metadata,
    Column("flow_id", Text, primary_key=True),  # empty for the runs of all flows
    Column("width", Duration, primary_key=True),  # hours; of all flows minutes as well
    Column("start", Instant, primary_key=True),  # a multiple of the width
    Column("state_type", Text, primary_key=True),
    Column("state_name", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),
    Column("run_time", Duration, nullable=False),
    Column("lateness", Duration, nullable=False),
    sqlite_with_rowid=False,
    info=ONLY_SQLITE,
)

HOUR, MINUTE = 3_600_000_000, 60_000_000

_VALUES = ", ".join(f"coalesce(NEW.{name}, '')" for name in _KEY)
_OLD = " AND ".join(f"{name} = coalesce(OLD.{name}, '')" for name in _KEY)

_COUNT = f"""\
    INSERT INTO flow_run_count SELECT {_VALUES}, 1 WHERE true
    ON CONFLICT ({", ".join(_KEY)}) DO UPDATE SET runs = runs + 1;
"""
_DISCOUNT = f"""\
    UPDATE flow_run_count SET runs = runs - 1 WHERE {_OLD};
    DELETE FROM flow_run_count WHERE {_OLD} AND runs = 0;
"""
# A list may hold a tag twice.
_TAG = """\
    INSERT INTO flow_run_tag SELECT DISTINCT value, NEW.id FROM json_each(NEW.tags);
    INSERT INTO flow_run_tag_count SELECT DISTINCT value, 1 FROM json_each(NEW.tags) WHERE true
    ON CONFLICT (tag) DO UPDATE SET runs = runs + 1;
"""
_UNTAG = """\
    DELETE FROM flow_run_tag
    WHERE tag IN (SELECT value FROM json_each(OLD.tags)) AND flow_run_id = OLD.id;
    UPDATE flow_run_tag_count SET runs = runs - 1
    WHERE tag IN (SELECT value FROM json_each(OLD.tags));
    DELETE FROM flow_run_tag_count
    WHERE tag IN (SELECT value FROM json_each(OLD.tags)) AND runs = 0;
"""


def _sums(row: str, change: str) -> str:
    """Change each of the sums that an ended run is part of."""
    at = f"{row}.expected_start_time"
    steps = ""
    for flow, width in (("''", HOUR), ("''", MINUTE), (f"{row}.flow_id", HOUR)):
        key = {
            "flow_id": flow,
            "width": str(width),
            "start": f"{at} - ({at} % {width} + {width}) % {width}",
            "state_type": f"{row}.state_type",
            "state_name": f"coalesce({row}.state_name, '')",
        }
        fits = " AND ".join(f"{name} = {value}" for name, value in key.items())
        late = f"coalesce(max({row}.start_time - {at}, 0), 0)"
        steps += change.format(
            columns=", ".join(key),
            key=", ".join(key.values()),
            fits=fits,
            run_time=f"{row}.total_run_time",
            late=late,
        )
    return steps


_SUM_UP = _sums(
    "NEW",
    """\
    INSERT INTO flow_run_ended SELECT {key}, 1, {run_time}, {late} WHERE true
    ON CONFLICT ({columns}) DO UPDATE SET runs = runs + 1,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
""",
)
_SUM_DOWN = _sums(
    "OLD",
    """\
    UPDATE flow_run_ended SET runs = runs - 1,
        run_time = run_time - {run_time}, lateness = lateness - {late} WHERE {fits};
    DELETE FROM flow_run_ended WHERE {fits} AND runs = 0;
""",
)


def _has_ended(row: str) -> str:
    return (
        f"{row}.state_type IN ('CANCELLED', 'COMPLETED', 'CRASHED', 'FAILED') "
        f"AND {row}.expected_start_time IS NOT NULL"
    )


_SUMMED_UP = "state_type, state_name, expected_start_time, start_time, total_run_time"


def _trigger(name: str, when: str, *steps: str) -> str:
    body = "".join(steps)
    return f"CREATE TRIGGER {name} AFTER {when}\nBEGIN\n{body}END"


_IS_OTHER = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _KEY)

#: Statements for SQLite; they come after the tables.
TRIGGERS = (
    _trigger("flow_run_count_insert", "INSERT ON flow_run", _COUNT),
    _trigger(
        "flow_run_count_update",
        f"UPDATE OF {', '.join(_KEY)} ON flow_run\nWHEN {_IS_OTHER}",
        _DISCOUNT,
        _COUNT,
    ),
    _trigger("flow_run_count_delete", "DELETE ON flow_run", _DISCOUNT),
    _trigger("flow_run_tag_insert", "INSERT ON flow_run\nWHEN NEW.tags <> '[]'", _TAG),
    _trigger(
        "flow_run_tag_update",
        "UPDATE OF tags ON flow_run\nWHEN OLD.tags <> NEW.tags",
        _UNTAG,
        _TAG,
    ),
    _trigger(
        "flow_run_ended_insert",
        f"INSERT ON flow_run\nWHEN {_has_ended('NEW')}",
        _SUM_UP,
    ),
    _trigger(
        "flow_run_ended_update_from",
        f"UPDATE OF {_SUMMED_UP} ON flow_run\nWHEN {_has_ended('OLD')}",
        _SUM_DOWN,
    ),
    _trigger(
        "flow_run_ended_update_to",
        f"UPDATE OF {_SUMMED_UP} ON flow_run\nWHEN {_has_ended('NEW')}",
        _SUM_UP,
    ),
    _trigger(
        "flow_run_ended_delete",
        f"DELETE ON flow_run\nWHEN {_has_ended('OLD')}",
        _SUM_DOWN,
    ),
    _trigger("flow_run_tag_delete", "DELETE ON flow_run\nWHEN OLD.tags <> '[]'", _UNTAG),
)
