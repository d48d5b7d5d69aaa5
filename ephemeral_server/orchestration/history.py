"""How many runs were expected in each of several equal stretches of time, by their state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Table, bindparam, cast, func, select

from ephemeral_server.clock import LAST, SECOND, isoformat
from ephemeral_server.database.filters import Clause
from ephemeral_server.orchestration.estimates import estimated_lateness, estimated_run_time
from ephemeral_server.wire import dump


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
    expected = run.c.expected_start_time
    start = bindparam("start", buckets.start, BigInteger)
    interval = bindparam("interval", buckets.interval, BigInteger)
    bucket = ((expected - start) // interval).label("bucket")
    query = (
        select(
            bucket,
            run.c.state_type,
            run.c.state_name,
            func.count(),
            cast(func.sum(estimated_run_time(run)), BigInteger),
            cast(func.sum(estimated_lateness(run)), BigInteger),
        )
        .where(where, run.c.state_type.is_not(None))
        .where(expected >= buckets.start, expected < buckets.edge(buckets.count))
        .group_by(bucket, run.c.state_type, run.c.state_name)
        .order_by(bucket, run.c.state_type, run.c.state_name)
    )
    return connection.execute(query, {"now": now}).all()
