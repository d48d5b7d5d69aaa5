"""Flows within flows, and the graph that is drawn of each."""

from __future__ import annotations

from typing import Any

import httpx
from prefect import flow, task
from prefect.client.schemas.objects import FlowRun

from ephemeral_server import EphemeralServer
from tests.client.flows import add
from tests.client.history import History


def read_graph(server: EphemeralServer, run: FlowRun) -> dict[str, Any]:
    """The graph of a flow run; its nodes by their labels, a subflow's without its own name."""
    answer = httpx.get(f"{server.api_url}/flow_runs/{run.id}/graph-v2")
    assert answer.status_code == 200
    graph: dict[str, Any] = answer.json()
    for id, node in graph["nodes"]:
        assert node["id"] == id
    graph["nodes"] = {node["label"].split(" / ")[0]: node for _, node in graph["nodes"]}
    return graph


def ids(edges: list[dict[str, str]]) -> list[str]:
    """The ids of the nodes at the other ends."""
    return [edge["id"] for edge in edges]


def test_three_flows_deep_each_has_its_parent_and_its_graph(
    history: History, server: EphemeralServer
) -> None:
    @flow(name="leaf")
    def leaf(n: int) -> int:
        return add(n, 1)

    @flow(name="middle")
    def middle(n: int) -> int:
        return leaf(n) + leaf(n + 1)

    @flow(name="root")
    def root() -> int:
        return middle(1)

    assert root() == 5
    outer, inner, *leaves = history.flow_runs()
    assert outer.parent_task_run_id is None
    for parent, children in ((outer, [inner]), (inner, leaves)):
        wrappers = history.task_runs(parent)
        assert [child.parent_task_run_id for child in children] == [each.id for each in wrappers]
        nodes = read_graph(server, parent)
        assert nodes["root_node_ids"] == [str(child.id) for child in children]
    for each in (outer, inner, *leaves):
        assert each.labels == {"prefect.flow.id": str(each.flow_id)}
        assert history.state_names(each) == ["Pending", "Running", "Completed"]
    assert len({each.flow_id for each in leaves}) == 1
    graph = read_graph(server, inner)
    assert [state["name"] for state in graph["states"]] == ["Pending", "Running", "Completed"]
    (node,) = graph["nodes"].values()  # both leaves have one label, and the last is kept
    assert (node["kind"], node["state_type"]) == ("flow-run", "COMPLETED")
    (only,) = read_graph(server, leaves[0])["nodes"].values()
    assert only["kind"] == "task-run"


def test_the_graph_tells_what_took_the_result_of_what(
    history: History, server: EphemeralServer
) -> None:
    @task
    def takes(n: int) -> int:
        return n

    def named(name: str) -> Any:
        return takes.with_options(task_run_name=name)

    @flow
    def parent() -> None:
        first = named("first").submit(1)
        second = named("second").submit(first)
        named("third").submit(0, wait_for=[first, second]).wait()

    parent()
    graph = read_graph(server, history.flow_run())
    nodes = graph["nodes"]
    first, second, third = (nodes[name] for name in ("first", "second", "third"))
    assert graph["root_node_ids"] == [first["id"]]
    assert ids(first["children"]) == [second["id"], third["id"]]
    assert ids(second["parents"]) == [first["id"]]
    assert ids(second["children"]) == [third["id"]]
    assert ids(third["parents"]) == [first["id"], second["id"]]
    assert {node["state_type"] for node in nodes.values()} == {"COMPLETED"}
    assert graph["start_time"] <= first["start_time"] <= first["end_time"] <= graph["end_time"]


def test_the_graph_tells_what_ran_within_a_task(history: History, server: EphemeralServer) -> None:
    @flow(name="child")
    def child() -> int:
        return inner(1)

    @task(task_run_name="inner")
    def inner(n: int) -> int:
        return n

    @task(task_run_name="outer")
    def outer() -> int:
        return child() + inner(2)

    @flow
    def parent() -> int:
        return outer.submit().result()

    assert parent() == 3
    first, second = history.flow_runs()
    nodes = read_graph(server, first)["nodes"]
    assert set(nodes) == {"outer", "child", "inner"}
    assert nodes["child"]["id"] == str(second.id)
    for within in ("child", "inner"):
        assert ids(nodes[within]["encapsulating"]) == [nodes["outer"]["id"]]
    assert set(read_graph(server, second)["nodes"]) == {"inner"}


def test_the_graph_of_a_failed_flow_shows_what_failed(
    history: History, server: EphemeralServer
) -> None:
    @task(task_run_name="{n}")
    def picky(n: int) -> None:
        if n == 1:
            raise ValueError("one")

    @flow
    def maps() -> object:
        return picky.map([0, 1])

    maps(return_state=True)
    nodes = read_graph(server, history.flow_run())["nodes"]
    assert {label: node["state_type"] for label, node in nodes.items()} == {
        "0": "COMPLETED",
        "1": "FAILED",
    }
