"""Changing many flow runs with one request."""

from __future__ import annotations

import logging
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ephemeral_server.database.tables import flow_run, flow_run_state
from tests.api.objects import new_flow_run
from tests.application import Application
from tests.orchestration.runs import Run, Runs


def _bulk(runs: Runs, what: str, **body: Any) -> httpx.Response:
    return runs.application.post(f"/flow_runs/bulk_{what}", body)


def _these(*which: Run) -> dict[str, Any]:
    return {"id": {"any_": [run.id for run in which]}}


def _newest_first(*which: Run) -> list[str]:
    return sorted((run.id for run in which), reverse=True)


# Deleting.


def test_the_runs_that_fit_are_deleted_with_their_logs(runs: Runs) -> None:
    first, second, other = runs.flow_run(), runs.flow_run("RUNNING"), runs.flow_run()
    log = {"name": "a", "level": 20, "message": "a", "timestamp": runs.now()}
    runs.application.post("/logs/", [{**log, "flow_run_id": run.id} for run in (first, other)])

    reply = _bulk(runs, "delete", flow_runs=_these(first, second))

    assert (reply.status_code, reply.json()) == (200, {"deleted": _newest_first(first, second)})
    assert runs.application.get(f"/flow_runs/{first.id}").status_code == 404
    assert other.states() != []
    query = {"logs": {"flow_run_id": {"any_": [first.id, other.id]}}}
    kept = runs.application.post("/logs/filter", query).json()
    assert [each["flow_run_id"] for each in kept] == [other.id]


def test_of_too_many_runs_the_newest_are_deleted(runs: Runs) -> None:
    several = [runs.flow_run() for _ in range(3)]

    reply = _bulk(runs, "delete", flow_runs=_these(*several), limit=2)

    assert reply.json() == {"deleted": _newest_first(*several)[:2]}
    smallest = min(several, key=lambda run: run.id)
    assert smallest.states() != []


def test_nothing_that_fits_is_nothing_deleted(runs: Runs) -> None:
    reply = _bulk(runs, "delete", flow_runs={"id": {"any_": [str(uuid4())]}})

    assert (reply.status_code, reply.json()) == (200, {"deleted": []})


def test_without_a_filter_any_run_is_deleted(api: httpx.Client) -> None:
    ids = {new_flow_run(api)["id"] for _ in range(2)}

    assert set(api.post("/flow_runs/bulk_delete").json()["deleted"]) == ids
    assert api.post("/flow_runs/count").json() == 0


@pytest.mark.parametrize("limit", [0, 51, "many"])
@pytest.mark.parametrize("what", ["delete", "set_state"])
def test_a_limit_out_of_range_is_refused(runs: Runs, what: str, limit: Any) -> None:
    run = runs.flow_run()
    body = {"flow_runs": _these(run), "state": {"type": "RUNNING"}, "limit": limit}

    reply = _bulk(runs, what, **body)

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", "limit"]
    assert run.state["type"] == "PENDING"


# Setting states.


def test_each_run_is_answered_for_by_itself(runs: Runs) -> None:
    pending, done, cancelling = (
        runs.flow_run("PENDING"),
        runs.flow_run("COMPLETED"),
        runs.flow_run("CANCELLING"),
    )

    reply = _bulk(
        runs,
        "set_state",
        flow_runs=_these(pending, done, cancelling),
        state={"type": "CANCELLING"},
    )

    assert reply.status_code == 200
    results = {result["flow_run_id"]: result for result in reply.json()["results"]}
    assert list(results) == _newest_first(pending, done, cancelling)
    assert results[pending.id]["status"] == "ACCEPT"
    assert results[pending.id]["details"] == {"type": "accept_details"}
    assert results[pending.id]["state"] == pending.state
    assert results[done.id]["status"] == "ABORT"
    assert results[done.id]["details"]["reason"] == "Run is already in terminal state COMPLETED."
    assert results[cancelling.id]["status"] == "REJECT"
    assert results[cancelling.id]["state"] == cancelling.state


def test_each_result_names_its_own_run(runs: Runs) -> None:
    several = [runs.flow_run() for _ in range(3)]

    reply = _bulk(runs, "set_state", flow_runs=_these(*several), state={"type": "RUNNING"})

    for result in reply.json()["results"]:
        assert result["state"]["state_details"]["flow_run_id"] == result["flow_run_id"]


def test_force_holds_for_all_of_them(runs: Runs) -> None:
    several = [runs.flow_run("CANCELLING") for _ in range(2)]

    reply = _bulk(
        runs, "set_state", flow_runs=_these(*several), state={"type": "RUNNING"}, force=True
    )

    assert [result["status"] for result in reply.json()["results"]] == ["ACCEPT", "ACCEPT"]


def test_of_too_many_runs_the_newest_change(runs: Runs) -> None:
    several = [runs.flow_run() for _ in range(3)]

    _bulk(runs, "set_state", flow_runs=_these(*several), state={"type": "RUNNING"}, limit=1)

    newest = _newest_first(*several)[0]
    assert {run.id: run.state["type"] for run in several} == {
        run.id: "RUNNING" if run.id == newest else "PENDING" for run in several
    }


def test_one_run_that_fails_leaves_the_others_alone(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    sound = [runs.flow_run() for _ in range(2)]
    state = runs.application.insert(
        flow_run_state,
        flow_run_id=sound[0].id,
        timestamp=0,
        type="PENDING",
        name="Pending",
        state_details="{",  # no JSON
    )
    broken = runs.stateless_flow_run(state_id=state, state_type="PENDING")

    with caplog.at_level(logging.ERROR):
        reply = _bulk(
            runs, "set_state", flow_runs=_these(*sound, broken), state={"type": "RUNNING"}
        )

    results = {result["flow_run_id"]: result for result in reply.json()["results"]}
    assert [results[run.id]["status"] for run in sound] == ["ACCEPT", "ACCEPT"]
    failed = results[broken.id]
    assert (failed["status"], failed["state"]) == ("ABORT", None)
    assert failed["details"]["type"] == "abort_details"
    assert failed["details"]["reason"].startswith("Expecting property name")
    assert f"The state of flow run {broken.id} was not changed" in caplog.text
    assert runs.application.read(_state_type, broken.id) == "PENDING"


def _state_type(connection: Any, id: str) -> Any:
    return connection.scalar(
        flow_run.select().with_only_columns(flow_run.c.state_type).where(flow_run.c.id == id)
    )


def test_a_state_is_needed(application: Application) -> None:
    reply = application.post("/flow_runs/bulk_set_state", {})

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", "state"]
