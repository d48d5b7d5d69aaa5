"""What SQLite keeps about flow runs beside them, so that large databases answer as small ones.

Triggers keep it up to date, in the transaction that changes a run and whatever changes it.
PostgreSQL has none of this: there writers would wait for each other at the counts, and an index
of its own kind finds tags.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

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

#: How many runs of a flow and a deployment are in a state, under the names of `flow_run`.
flow_run_count = Table(
    "flow_run_count",
    metadata,
    Column("flow_id", Id, nullable=False),
    Column("deployment_id", Id),
    Column("state_type", Text),
    Column("state_name", Text),
    Column("runs", BigInteger, nullable=False),
    Index("ix_flow_run_count_flow_id", *_KEY),
    info=ONLY_SQLITE,
)

#: Runs that have ended, summed up over the stretches of time in which they were expected. Those
#: that have not are few, and what they count changes with the present instant.
flow_run_ended = Table(
    "flow_run_ended",
    metadata,
    Column("width", Duration, primary_key=True),  # one of `WIDTHS`
    Column("start", Instant, primary_key=True),  # a multiple of the width
    Column("state_type", Text, primary_key=True),
    Column("state_name", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),
    Column("run_time", Duration, nullable=False),
    Column("lateness", Duration, nullable=False),
    sqlite_with_rowid=False,
    info=ONLY_SQLITE,
)

#: An hour and a minute.
WIDTHS = (3_600_000_000, 60_000_000)

_NEW, _OLD = (" AND ".join(f"{name} IS {row}.{name}" for name in _KEY) for row in ("NEW", "OLD"))

_COUNT = f"""\
    INSERT INTO flow_run_count SELECT {", ".join(f"NEW.{name}" for name in _KEY)}, 0
    WHERE NOT EXISTS (SELECT 1 FROM flow_run_count WHERE {_NEW});
    UPDATE flow_run_count SET runs = runs + 1 WHERE {_NEW};
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


def _sum_up(row: str, sign: str) -> str:
    """Add an ended run to the sums that it is in, or take it away."""
    at = f"{row}.expected_start_time"
    return "".join(
        f"""\
    INSERT INTO flow_run_ended SELECT
        {width}, {at} - ({at} % {width} + {width}) % {width},
        {row}.state_type, coalesce({row}.state_name, ''),
        {sign}1, {sign}{row}.total_run_time,
        {sign}coalesce(max({row}.start_time - {at}, 0), 0)
    WHERE true ON CONFLICT DO UPDATE SET runs = runs + excluded.runs,
        run_time = run_time + excluded.run_time, lateness = lateness + excluded.lateness;
"""
        for width in WIDTHS
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
        _sum_up("NEW", "+"),
    ),
    _trigger(
        "flow_run_ended_update_from",
        f"UPDATE OF {_SUMMED_UP} ON flow_run\nWHEN {_has_ended('OLD')}",
        _sum_up("OLD", "-"),
    ),
    _trigger(
        "flow_run_ended_update_to",
        f"UPDATE OF {_SUMMED_UP} ON flow_run\nWHEN {_has_ended('NEW')}",
        _sum_up("NEW", "+"),
    ),
    _trigger(
        "flow_run_ended_delete",
        f"DELETE ON flow_run\nWHEN {_has_ended('OLD')}",
        _sum_up("OLD", "-"),
    ),
    _trigger("flow_run_tag_delete", "DELETE ON flow_run\nWHEN OLD.tags <> '[]'", _UNTAG),
)
