"""The graph of a flow run, computed from rows: its tasks and subflows, and what needs what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ephemeral_server.clock import isoformat
from ephemeral_server.orchestration.states import COMPLETED

#: The key of ``task_inputs`` that names the task runs around a run, not a parameter.
AROUND = "__parents__"


class TaskRow(NamedTuple):
    """A task run of the flow run; instants are microseconds since 1970 UTC."""

    id: str
    name: str
    state_type: str | None
    start_time: int | None
    expected_start_time: int | None
    end_time: int | None
    task_inputs: str


class SubflowRow(NamedTuple):
    """A flow run that a task run of the flow run stands for."""

    id: str
    parent_task_run_id: str
    flow_name: str
    name: str
    state_type: str | None
    start_time: int | None
    expected_start_time: int | None
    end_time: int | None


class ArtifactRow(NamedTuple):
    """An artifact of the flow run."""

    id: str
    created: int
    key: str | None
    type: str
    task_run_id: str | None
    latest_id: str | None
    data: str | None


@dataclass(slots=True)
class Node:
    """A task run, or the subflow that takes its place."""

    kind: str
    id: str
    label: str
    state_type: str | None
    start: int
    end: int | None
    inputs: str
    parents: dict[str, Node] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)
    around: dict[str, Node] = field(default_factory=dict)


def nodes_of(tasks: Iterable[TaskRow], subflows: Iterable[SubflowRow]) -> list[Node]:
    """The nodes with their edges, each edge once, by the time they began."""
    in_place: dict[str, list[SubflowRow]] = {}
    for subflow in subflows:
        in_place.setdefault(subflow.parent_task_run_id, []).append(subflow)
    nodes = {
        node.id: node
        for task in tasks
        for node in _nodes_for(task, in_place.get(task.id, ()))
        if node is not None
    }
    ordered = sorted(nodes.values(), key=_began)
    for node in ordered:
        for name, item in _inputs(node.inputs):
            other = nodes.get(item["id"])
            if other is None:
                continue
            if name == AROUND:
                node.around[other.id] = other
            else:
                node.parents[other.id] = other
                other.children[node.id] = node
    return ordered


def still_going(nodes: Iterable[Node], since: int) -> list[Node]:
    """The nodes that had not ended before `since`."""
    return [node for node in nodes if node.end is None or node.end >= since]


def graph_json(
    nodes: Sequence[Node], artifacts: Iterable[ArtifactRow], **further: Any
) -> dict[str, Any]:
    """The graph as JSON values; `further` are its members beside nodes and artifacts."""
    own: dict[str | None, list[dict[str, Any]]] = {}
    for row in artifacts:
        own.setdefault(row.task_run_id, []).append(_artifact(row))
    return {
        **further,
        "root_node_ids": [node.id for node in nodes if not node.parents],
        "nodes": [[node.id, _node(node, own.get(node.id, []))] for node in nodes],
        "artifacts": own.get(None, []),
    }


def upstream(task_inputs: str) -> list[dict[str, Any]]:
    """Every task run that a run took something from or ran within, once."""
    found = {
        item["id"]: {"input_type": "task_run", "id": item["id"]}
        for _, item in _inputs(task_inputs)
        if item.get("input_type") == "task_run"
    }
    return list(found.values())


def _inputs(task_inputs: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What a run took from others: the parameter, and the object with the other's id.

    Clients report this as they like, so what is of another form is passed over.
    """
    inputs = json.loads(task_inputs or "null")
    for name, items in inputs.items() if isinstance(inputs, dict) else ():
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                yield name, item


def _nodes_for(task: TaskRow, subflows: Sequence[SubflowRow]) -> list[Node | None]:
    end = task.end_time
    if end is None and task.state_type == COMPLETED:
        end = task.expected_start_time  # a result from the cache took no time
    start = _first(task.start_time, task.expected_start_time)
    if not subflows:
        return [
            _made("task-run", task.id, task.name, task.state_type, start, end, task.task_inputs)
        ]
    return [
        _made(
            "flow-run",
            subflow.id,
            f"{subflow.flow_name} / {subflow.name}",
            subflow.state_type or task.state_type,
            _first(subflow.start_time, subflow.expected_start_time, start),
            _first(subflow.end_time, end),
            task.task_inputs,
        )
        for subflow in subflows
    ]


def _made(
    kind: str,
    id: str,
    label: str,
    state_type: str | None,
    start: int | None,
    end: int | None,
    inputs: str,
) -> Node | None:
    """The node, or None for what has no place on the line of time."""
    if start is None or state_type is None:
        return None
    return Node(kind, id, label, state_type, start, end, inputs)


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _began(node: Node) -> tuple[Any, ...]:
    return node.start, node.end is None, node.end or 0, node.id


def _edges(nodes: Mapping[str, Node]) -> list[dict[str, str]]:
    return [{"id": node.id} for node in sorted(nodes.values(), key=_began)]


def _node(node: Node, artifacts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": node.kind,
        "id": node.id,
        "label": node.label,
        "state_type": node.state_type,
        "start_time": isoformat(node.start),
        "end_time": None if node.end is None else isoformat(node.end),
        "parents": _edges(node.parents),
        "children": _edges(node.children),
        "encapsulating": _edges(node.around),
        "artifacts": artifacts,
    }


def _artifact(row: ArtifactRow) -> dict[str, Any]:
    shown = row.type == "progress" and row.data is not None
    return {
        "id": row.id,
        "created": isoformat(row.created),
        "key": row.key,
        "type": row.type,
        "is_latest": row.key is None or row.latest_id == row.id,
        "data": json.loads(row.data or "null") if shown else None,
    }
