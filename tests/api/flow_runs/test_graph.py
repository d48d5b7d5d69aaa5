"""The graphs of a flow run: its tasks and subflows, and what needs what."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database.tables import artifact, artifact_collection, task_run
from ephemeral_server.flow_runs.graph_routes import DependencyResult, Graph
from tests.api.shapes import assert_shape
from tests.application import Application
from tests.orchestration.runs import Run, Runs

Json = dict[str, Any]


@pytest.fixture
def outer(runs: Runs) -> Run:
    """The flow run whose graph is read."""
    return runs.flow_run("RUNNING")


def result_of(*which: Run) -> list[Json]:
    return [{"input_type": "task_run", "id": run.id} for run in which]


def within(*which: Run) -> Json:
    return {"__parents__": result_of(*which)}


def task(runs: Runs, outer: Run, type: str = "RUNNING", **given: Any) -> Run:
    """A task run, a second after what was made before."""
    runs.clock.advance(1)
    return runs.task_run(type, flow_run_id=outer.id, **given)


def graph(outer: Run, **query: str) -> Json:
    reply = outer.application.get(f"/flow_runs/{outer.id}/graph-v2", params=query)
    assert reply.status_code == 200, reply.text
    assert_shape(Graph, reply.json())
    answer: Json = reply.json()
    return answer


def nodes(outer: Run, **query: str) -> dict[str, Json]:
    return dict(graph(outer, **query)["nodes"])


def ids(*which: Run) -> list[Json]:
    return [{"id": run.id} for run in which]


# Nodes.


def test_a_task_run_is_a_node(runs: Runs, outer: Run) -> None:
    done = task(runs, outer, "RUNNING", name="first")
    begun = runs.now()
    runs.clock.advance(2)
    done.propose("COMPLETED")

    assert nodes(outer) == {
        done.id: {
            "kind": "task-run",
            "id": done.id,
            "label": "first",
            "state_type": "COMPLETED",
            "start_time": begun,
            "end_time": runs.now(),
            "parents": [],
            "children": [],
            "encapsulating": [],
            "artifacts": [],
        }
    }


def test_a_task_run_that_has_not_begun_stands_where_it_is_expected(runs: Runs, outer: Run) -> None:
    pending = task(runs, outer, "PENDING")

    node = nodes(outer)[pending.id]

    assert (node["start_time"], node["end_time"]) == (runs.now(), None)


def test_a_task_run_that_took_no_time_ends_where_it_was_expected(runs: Runs, outer: Run) -> None:
    at = runs.clock.now()
    cached = runs.stateless_task_run(
        flow_run_id=outer.id, state_type="COMPLETED", expected_start_time=at
    )

    assert nodes(outer)[cached.id]["end_time"] == isoformat(at)


def test_what_has_no_time_at_all_is_no_node(runs: Runs, outer: Run) -> None:
    runs.stateless_task_run(flow_run_id=outer.id, state_type="PENDING")

    assert nodes(outer) == {}


def test_a_subflow_takes_the_place_of_its_placeholder(runs: Runs, outer: Run) -> None:
    placeholder = task(runs, outer, "PENDING", name="of no account")
    runs.clock.advance(1)
    child = runs.flow_run("RUNNING", name="inner", parent_task_run_id=placeholder.id)

    found = nodes(outer)

    assert list(found) == [child.id]
    node = found[child.id]
    assert (node["kind"], node["id"]) == ("flow-run", child.id)
    assert node["label"] == f"{runs.flow_name} / inner"
    assert (node["state_type"], node["start_time"]) == ("RUNNING", runs.now())


def test_each_subflow_of_a_placeholder_is_a_node(runs: Runs, outer: Run) -> None:
    placeholder = task(runs, outer)
    children = [runs.flow_run(parent_task_run_id=placeholder.id) for _ in range(2)]

    assert set(nodes(outer)) == {child.id for child in children}


def test_task_runs_of_a_subflow_are_not_in_the_graph(runs: Runs, outer: Run) -> None:
    placeholder = task(runs, outer)
    child = runs.flow_run("RUNNING", parent_task_run_id=placeholder.id)
    inner = task(runs, child)

    assert inner.id not in nodes(outer)
    assert list(nodes(child)) == [inner.id]


def test_nodes_come_in_the_order_they_began(runs: Runs, outer: Run) -> None:
    several = [task(runs, outer) for _ in range(3)]

    assert list(nodes(outer)) == [run.id for run in several]


# Edges.


def test_a_task_run_is_the_child_of_those_whose_results_it_took(runs: Runs, outer: Run) -> None:
    first, second = task(runs, outer), task(runs, outer)
    third = task(runs, outer, task_inputs={"y": result_of(second), "x": result_of(second, first)})

    found = nodes(outer)

    assert found[third.id]["parents"] == ids(first, second)
    assert found[first.id]["children"] == found[second.id]["children"] == ids(third)
    assert found[third.id]["encapsulating"] == []
    assert graph(outer)["root_node_ids"] == [first.id, second.id]


def test_an_edge_is_there_once_however_often_it_is_named(runs: Runs, outer: Run) -> None:
    first = task(runs, outer)
    inputs = {"x": result_of(first, first), "y": result_of(first)}
    second = task(runs, outer, task_inputs=inputs)

    found = nodes(outer)

    assert found[second.id]["parents"] == ids(first)
    assert found[first.id]["children"] == ids(second)


def test_the_run_around_another_is_no_parent(runs: Runs, outer: Run) -> None:
    around = task(runs, outer)
    inner = task(runs, outer, task_inputs=within(around))

    found = nodes(outer)

    assert found[inner.id]["encapsulating"] == ids(around)
    assert found[inner.id]["parents"] == found[around.id]["children"] == []
    assert graph(outer)["root_node_ids"] == [around.id, inner.id]


def test_inputs_that_are_no_runs_of_the_graph_make_no_edges(runs: Runs, outer: Run) -> None:
    elsewhere = runs.task_run("RUNNING")
    inputs = {
        "a": [{"input_type": "parameter", "name": "n"}],
        "b": [{"input_type": "constant", "type": "int"}],
        "c": result_of(elsewhere),
        "d": [{"input_type": "flow_run", "id": outer.id}],
    }
    run = task(runs, outer, task_inputs=inputs)

    assert nodes(outer)[run.id]["parents"] == []


def test_a_subflow_has_the_edges_of_its_placeholder(runs: Runs, outer: Run) -> None:
    first = task(runs, outer)
    placeholder = task(runs, outer, task_inputs={"x": result_of(first)})
    child = runs.flow_run("RUNNING", parent_task_run_id=placeholder.id)
    after = task(runs, outer, task_inputs={"x": [{"input_type": "flow_run", "id": child.id}]})

    found = nodes(outer)

    assert found[child.id]["parents"] == ids(first)
    assert found[child.id]["children"] == ids(after)


def test_inputs_of_another_form_are_passed_over(runs: Runs, outer: Run) -> None:
    # Nobody checks what clients report of their own task runs.
    odd = json.dumps({"x": None, "y": [1, {"id": 2}, {}], "z": {"id": "a"}})
    run = runs.stateless_task_run(
        flow_run_id=outer.id, state_type="RUNNING", start_time=1, task_inputs=odd
    )

    assert nodes(outer)[run.id]["parents"] == []
    assert dependencies(outer)[0]["upstream_dependencies"] == []


# What of it is shown.


def test_nodes_that_had_ended_before_are_left_out(runs: Runs, outer: Run) -> None:
    first = task(runs, outer)
    runs.clock.advance(1)
    first.propose("COMPLETED")
    ended = runs.clock.now()
    second = task(runs, outer, task_inputs={"x": result_of(first)})

    assert set(nodes(outer, since=isoformat(ended))) == {first.id, second.id}
    later = graph(outer, since=isoformat(ended + 1))
    assert [id for id, _ in later["nodes"]] == [second.id]
    assert later["root_node_ids"] == []
    assert later["nodes"][0][1]["parents"] == ids(first)


def test_an_instant_without_offset_is_read_as_utc(runs: Runs, outer: Run) -> None:
    run = task(runs, outer)
    run.propose("COMPLETED")
    ended = runs.clock.now()

    assert set(nodes(outer, since=isoformat(ended).removesuffix("Z"))) == {run.id}
    assert nodes(outer, since=isoformat(ended + SECOND).removesuffix("Z")) == {}


def test_an_instant_that_is_none_is_refused(outer: Run) -> None:
    reply = outer.application.get(f"/flow_runs/{outer.id}/graph-v2", params={"since": "soon"})

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["query", "since"]


def test_the_graph_tells_the_times_and_states_of_its_run(runs: Runs, outer: Run) -> None:
    begun = runs.now()
    runs.clock.advance(1)
    outer.propose("COMPLETED", "Done")

    found = graph(outer)

    assert (found["start_time"], found["end_time"]) == (begun, runs.now())
    assert [(s["type"], s["name"], s["timestamp"]) for s in found["states"]] == [
        ("RUNNING", "Running", begun),
        ("COMPLETED", "Done", runs.now()),
    ]


def test_a_graph_that_is_too_large_is_refused(
    runs: Runs, outer: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(runs, outer)
    task(runs, outer)
    runtime = runs.application.runtime
    monkeypatch.setattr(runtime, "settings", runtime.settings.replace(graph_max_nodes=1))

    reply = runs.application.get(f"/flow_runs/{outer.id}/graph-v2")

    assert reply.status_code == 400
    assert reply.json() == {"detail": f"The graph of flow run {outer.id} has more than 1 nodes."}


def test_an_unknown_run_has_no_graph(application: Application) -> None:
    id = uuid4()

    for path, message in (
        ("graph-v2", f"Flow run {id} not found"),
        ("graph", f"Flow run with id {id} not found"),
    ):
        reply = application.get(f"/flow_runs/{id}/{path}")
        assert (reply.status_code, reply.json()) == (404, {"exception_message": message})


# Artifacts.


def made(runs: Runs, outer: Run, type: str | None, key: str | None = None, **columns: Any) -> str:
    runs.clock.advance(1)
    return runs.application.insert(
        artifact, type=type, key=key, flow_run_id=outer.id, **{"data": '"d"', **columns}
    )


def test_artifacts_hang_on_the_node_that_made_them(runs: Runs, outer: Run) -> None:
    run = task(runs, outer)
    own = made(runs, outer, "table", task_run_id=run.id)
    of_flow = made(runs, outer, "markdown")
    made(runs, outer, "table", task_run_id=str(uuid4()))  # of a run that is no node

    found = graph(outer)

    assert [each["id"] for each in found["artifacts"]] == [of_flow]
    assert found["nodes"][0][1]["artifacts"] == [
        {
            "id": own,
            "created": found["nodes"][0][1]["artifacts"][0]["created"],
            "key": None,
            "type": "table",
            "is_latest": True,
            "data": None,
        }
    ]


def test_results_and_artifacts_without_a_type_are_not_shown(runs: Runs, outer: Run) -> None:
    made(runs, outer, "result")
    made(runs, outer, None)

    assert graph(outer)["artifacts"] == []


def test_progress_is_shown_with_its_value(runs: Runs, outer: Run) -> None:
    made(runs, outer, "progress", data="42.5")

    assert graph(outer)["artifacts"][0]["data"] == 42.5


def test_of_artifacts_with_one_key_the_newest_is_the_latest(runs: Runs, outer: Run) -> None:
    key = f"k-{uuid4()}"
    made(runs, outer, "table", key)
    newest = made(runs, outer, "table", key)
    runs.application.insert(artifact_collection, key=key, latest_id=newest)

    latest = [each["is_latest"] for each in graph(outer)["artifacts"]]

    assert latest == [False, True]


def test_of_too_many_artifacts_the_oldest_are_shown(
    runs: Runs, outer: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = made(runs, outer, "table")
    made(runs, outer, "table")
    runtime = runs.application.runtime
    monkeypatch.setattr(runtime, "settings", runtime.settings.replace(graph_max_artifacts=1))

    assert [each["id"] for each in graph(outer)["artifacts"]] == [oldest]


# The older graph.


def dependencies(outer: Run) -> list[Json]:
    reply = outer.application.get(f"/flow_runs/{outer.id}/graph")
    assert reply.status_code == 200
    assert_shape(list[DependencyResult], reply.json())
    answer: list[Json] = reply.json()
    return answer


def test_each_task_run_lists_what_it_needed_once(runs: Runs, outer: Run) -> None:
    first, second = task(runs, outer), task(runs, outer)
    inputs = {
        "x": result_of(first, first),
        "n": [{"input_type": "parameter", "name": "n"}],
        "c": [{"input_type": "constant", "type": "int"}],
        "f": [{"input_type": "flow_run", "id": outer.id}],
        **within(second),
    }
    third = task(runs, outer, task_inputs=inputs)

    found = {each["id"]: each for each in dependencies(outer)}

    assert found[third.id]["upstream_dependencies"] == result_of(first, second)
    assert found[first.id]["upstream_dependencies"] == []


def test_a_task_run_is_shown_with_its_state_and_times(runs: Runs, outer: Run) -> None:
    run = task(runs, outer, "RUNNING", state_untrackable_result=True)
    runs.clock.advance(2.5)

    (found,) = dependencies(outer)

    read = run.read()
    for member in ("id", "name", "state", "start_time", "end_time", "expected_start_time"):
        assert found[member] == read[member]
    assert (found["total_run_time"], found["estimated_run_time"]) == (0.0, 2.5)
    assert found["untrackable_result"] is True


def test_a_graph_of_thousands_of_nodes_is_read_at_once(runs: Runs, outer: Run) -> None:
    ids = [str(uuid4()) for _ in range(2000)]
    now = runs.clock.now()
    rows = [
        {
            "id": id,
            "created": now,
            "updated": now,
            "name": id,
            "tags": "[]",
            "empirical_policy": "{}",
            "run_count": 1,
            "flow_run_run_count": 1,
            "total_run_time": 0,
            "flow_run_id": outer.id,
            "task_key": "t",
            "dynamic_key": id,
            "state_type": "RUNNING",
            "start_time": now + place,
            "task_inputs": json.dumps({"x": [{"input_type": "task_run", "id": ids[place - 1]}]}),
        }
        for place, id in enumerate(ids)
    ]
    runs.application.write(lambda tx: tx.connection.execute(task_run.insert(), rows))

    found = graph(outer)

    assert [id for id, _ in found["nodes"]] == ids
    assert all(len(node["parents"]) == len(node["children"]) == 1 for _, node in found["nodes"])
