"""How many runs were expected in each of several equal stretches of time, by their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Label,
    Select,
    Table,
    and_,
    bindparam,
    cast,
    func,
    literal,
    select,
)

from ephemeral_server.clock import LAST, SECOND, isoformat
from ephemeral_server.database.counts import fit_more_than
from ephemeral_server.database.operators import Clause, each
from ephemeral_server.database.rewriting import looks_only_at, moved, without_index
from ephemeral_server.database.tables import flow_run, flow_run_ended
from ephemeral_server.database.tables.runs import NOT_ENDED
from ephemeral_server.database.tables.summaries import HOUR, MINUTE
from ephemeral_server.orchestration.estimates import estimated_lateness, estimated_run_time
from ephemeral_server.orchestration.states import TERMINAL
from ephemeral_server.wire import dump

#: To read and to sum up so many runs takes some milliseconds.
_FEW = 2_000
#: The widths of the sums that SQLite keeps, and what these are told apart by.
_SUMMED_UP = {
    HOUR: ("flow_id", "state_type", "state_name"),
    MINUTE: ("state_type", "state_name"),
}


@dataclass(frozen=True, slots=True)
class Buckets:
    """Equal stretches of time, one after the other; instants and lengths in microseconds."""

    start: int
    interval: int
    count: int

    def edge(self, index: int) -> int:
        """Where a bucket begins and the one before ends."""
        return min(self.start + index * self.interval, LAST)


def read_history(
    connection: Connection, run: Table, where: Clause, buckets: Buckets, now: int
) -> str:
    """The history of flow runs or task runs as JSON.

    Args:
        run: the table of the runs.
        where: which of them count.
        now: until when running and overdue runs are counted, microseconds since 1970 UTC.
    """
    found: list[list[dict[str, Any]]] = [[] for _ in range(buckets.count)]
    for index, type_, name, count, running, late in _groups(connection, run, where, buckets, now):
        found[index].append(
            {
                "state_type": type_,
                "state_name": name,
                "count_runs": count,
                "sum_estimated_run_time": int(running) / SECOND,
                "sum_estimated_lateness": int(late) / SECOND,
            }
        )
    return dump(
        [
            {
                "interval_start": isoformat(buckets.edge(index)),
                "interval_end": isoformat(buckets.edge(index + 1)),
                "states": states,
            }
            for index, states in enumerate(found)
        ]
    )


def _groups(
    connection: Connection, run: Table, where: Clause, buckets: Buckets, now: int
) -> Sequence[Any]:
    """Bucket, state type, state name, count and the two sums of each group of runs."""
    if buckets.count == 0:
        return []
    if run is flow_run and connection.dialect.name == "sqlite":
        for width, names in _SUMMED_UP.items():
            if buckets.interval >= 4 * width and looks_only_at(names, where):
                if fit_more_than(_FEW, connection, _within(run, buckets)):
                    return _summed_groups(connection, where, buckets, now, width)
                break
    return connection.execute(_grouped(run, buckets).where(where), {"now": now}).all()


def _grouped(run: Table, buckets: Buckets) -> Select[Any]:
    """Counts runs of the whole stretch of time."""
    expected = run.c.expected_start_time
    bucket = _bucket(expected, buckets)
    return (
        select(
            bucket,
            run.c.state_type,
            run.c.state_name,
            func.count(),
            cast(func.sum(estimated_run_time(run)), BigInteger),
            cast(func.sum(estimated_lateness(run)), BigInteger),
        )
        .where(run.c.state_type.is_not(None), _within(run, buckets))
        .group_by(bucket, run.c.state_type, run.c.state_name)
        .order_by(bucket, run.c.state_type, run.c.state_name)
    )


def _within(run: Table, buckets: Buckets) -> Clause:
    expected = run.c.expected_start_time
    return and_(expected >= buckets.start, expected < buckets.edge(buckets.count))


def _bucket(instant: ColumnElement[int], buckets: Buckets) -> Label[int]:
    start = bindparam("start", buckets.start, BigInteger)
    interval = bindparam("interval", buckets.interval, BigInteger)
    return ((instant - start) // interval).label("bucket")


def _summed_groups(
    connection: Connection, where: Clause, buckets: Buckets, now: int, width: int
) -> Sequence[Any]:
    """The groups, of runs that have ended mostly from the sums that SQLite keeps of them.

    The sums are over stretches of `width`. Those in which a bucket begins or ends do not help.
    """
    edges = [buckets.edge(index) for index in range(buckets.count + 1)]
    cut = sorted({edge // width * width for edge in edges if edge % width})
    sums, cuts = flow_run_ended.c, each(literal(dump(cut)))
    bucket = _bucket(sums.start, buckets)
    by_flow = not looks_only_at(_SUMMED_UP[MINUTE], where)
    whole = (
        select(
            bucket,
            sums.state_type,
            sums.state_name,
            func.sum(sums.runs),
            func.sum(sums.run_time),
            func.sum(sums.lateness),
        )
        .where(moved(where, flow_run, flow_run_ended), sums.width == width)
        .where(sums.flow_id != "" if by_flow else sums.flow_id == "")
        .where(sums.start >= edges[0], sums.start < edges[-1], sums.start.not_in(select(cuts)))
        .group_by(bucket, sums.state_type, sums.state_name)
    )
    runs = flow_run.c
    read = _grouped(flow_run, buckets).where(without_index(where))
    ended = without_index(runs.state_type).in_(sorted(TERMINAL))
    in_cut = and_(runs.expected_start_time >= cuts, runs.expected_start_time < cuts + width)
    groups: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for query in (
        whole,
        read.where(NOT_ENDED),
        read.where(ended, in_cut),
    ):
        for *group, count, running, late in connection.execute(query, {"now": now}):
            key = tuple(group)
            so_far = groups.get(key, (0, 0, 0))
            groups[key] = (so_far[0] + count, so_far[1] + running, so_far[2] + late)
    return [(*key, *groups[key]) for key in sorted(groups)]
