"""What the graph of a flow run is computed from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.clock import isoformat
from ephemeral_server.database.tables import (
    artifact,
    artifact_collection,
    flow,
    flow_run,
    flow_run_state,
    task_run,
)
from ephemeral_server.errors import ChangeRefusedError, ObjectNotFoundError
from ephemeral_server.flow_runs.graph import (
    ArtifactRow,
    SubflowRow,
    TaskRow,
    graph_json,
    nodes_of,
    still_going,
    upstream,
)
from ephemeral_server.orchestration.wire import ESTIMATES, STATE_FIELD
from ephemeral_server.settings import Settings
from ephemeral_server.task_runs.wire import SELECT_TASK_RUNS, TASK_RUN
from ephemeral_server.wire import Shape, computed, dump, field, instant, plain, seconds, text

_RUN = select(flow_run.c.start_time, flow_run.c.expected_start_time, flow_run.c.end_time).where(
    flow_run.c.id == bindparam("id")
)
_TASKS = select(*[task_run.c[name] for name in TaskRow._fields]).where(
    task_run.c.flow_run_id == bindparam("id")
)
_SUBFLOWS = (
    select(
        flow_run.c.id,
        flow_run.c.parent_task_run_id,
        flow.c.name,
        flow_run.c.name,
        flow_run.c.state_type,
        flow_run.c.start_time,
        flow_run.c.expected_start_time,
        flow_run.c.end_time,
    )
    .select_from(task_run)
    .join(flow_run, flow_run.c.parent_task_run_id == task_run.c.id)
    .join(flow, flow.c.id == flow_run.c.flow_id)
    .where(task_run.c.flow_run_id == bindparam("id"))
)
_STATES = (
    select(
        flow_run_state.c.id,
        flow_run_state.c.timestamp,
        flow_run_state.c.type,
        flow_run_state.c.name,
    )
    .where(flow_run_state.c.flow_run_id == bindparam("id"))
    .order_by(flow_run_state.c.timestamp, flow_run_state.c.id)
)
_ARTIFACTS = (
    select(
        artifact.c.id,
        artifact.c.created,
        artifact.c.key,
        artifact.c.type,
        artifact.c.task_run_id,
        artifact_collection.c.latest_id,
        artifact.c.data,
    )
    .outerjoin(artifact_collection, artifact_collection.c.key == artifact.c.key)
    .where(artifact.c.flow_run_id == bindparam("id"))
    .where(artifact.c.type != "result")
    .order_by(artifact.c.created, artifact.c.id)
    .limit(bindparam("most"))
)


def read_graph(connection: Connection, settings: Settings, id: str, since: int) -> str:
    """The graph of a flow run as JSON.

    Args:
        since: nodes that ended before this instant (microseconds since 1970 UTC) are left out.

    Raises:
        ObjectNotFoundError: there is no such flow run.
        ChangeRefusedError: it has too many nodes.
    """
    run = connection.execute(_RUN, {"id": id}).first()
    if run is None:
        raise ObjectNotFoundError(f"Flow run {id} not found")
    tasks = [TaskRow(*row) for row in connection.execute(_TASKS, {"id": id})]
    subflows = [SubflowRow(*row) for row in connection.execute(_SUBFLOWS, {"id": id})]
    nodes = still_going(nodes_of(tasks, subflows), since)
    if len(nodes) > settings.graph_max_nodes:
        raise ChangeRefusedError(
            f"The graph of flow run {id} has more than {settings.graph_max_nodes} nodes."
        )
    few = {"id": id, "most": settings.graph_max_artifacts}
    artifacts = [ArtifactRow(*row) for row in connection.execute(_ARTIFACTS, few)]
    states = [
        {"id": state_id, "timestamp": isoformat(timestamp), "type": type_, "name": name}
        for state_id, timestamp, type_, name in connection.execute(_STATES, {"id": id})
    ]
    start = run.expected_start_time if run.start_time is None else run.start_time
    return dump(
        graph_json(
            nodes,
            artifacts,
            start_time=None if start is None else isoformat(start),
            end_time=None if run.end_time is None else isoformat(run.end_time),
            states=states,
        )
    )


def _upstream(now: int, task_inputs: str) -> str:
    return dump(upstream(task_inputs))


def _untrackable(now: int, details: str | None) -> str:
    # The details are compact JSON of our own making.
    return "true" if details and '"untrackable_result":true' in details else "false"


_DEPENDENCY = Shape(
    (
        field("id", plain),
        field("name", text),
        computed("upstream_dependencies", _upstream, "task_inputs"),
        STATE_FIELD,
        field("expected_start_time", instant),
        field("start_time", instant),
        field("end_time", instant),
        field("total_run_time", seconds),
        ESTIMATES[0],
        computed("untrackable_result", _untrackable, "state.state_details"),
    )
)
_PLACES = [TASK_RUN.keys.index(key) for key in _DEPENDENCY.keys]
_TASK_RUNS = SELECT_TASK_RUNS.where(task_run.c.flow_run_id == bindparam("id")).order_by(
    task_run.c.id.desc()
)


def read_dependencies(connection: Connection, id: str, now: int) -> str:
    """The task runs of a flow run with what each of them needed, as JSON.

    Raises:
        ObjectNotFoundError: there is no such flow run.
    """
    if connection.execute(_RUN, {"id": id}).first() is None:
        raise ObjectNotFoundError(f"Flow run with id {id} not found")
    rows: Any = connection.execute(_TASK_RUNS, {"id": id})
    return _DEPENDENCY.render_all([[row[place] for place in _PLACES] for row in rows], now)
