"""Values at the edge of what times, databases and texts can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, select

from ephemeral_server.database.tables import artifact
from ephemeral_server.orchestration.jitter import jittered
from tests.orchestration.runs import Run, Runs

Make: TypeAlias = Callable[..., Run]
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"


@pytest.fixture(params=["flow_run", "task_run"])
def make(request: pytest.FixtureRequest, runs: Runs) -> Make:
    """Makes flow runs, or task runs."""
    method: Make = getattr(runs, request.param)
    return method


@pytest.mark.parametrize(
    ("delay", "at"), [(10**12, LAST), (2**63 - 1, LAST), (-(10**12), FIRST), (-(2**63), FIRST)]
)
def test_a_retry_is_no_later_than_the_last_date(make: Make, delay: int, at: str) -> None:
    run = make("RUNNING", empirical_policy={"retries": 1, "retry_delay": delay})

    answer = run.propose("FAILED")

    assert (answer.code, answer.name) == (201, "AwaitingRetry")
    assert run.state["state_details"]["scheduled_time"] == at
    assert run.propose("RUNNING").status == ("WAIT" if at == LAST else "ACCEPT")


@pytest.mark.parametrize(
    "policy",
    [
        {"retry_delay": 1e300},
        {"retry_delay": [1e300]},
        {"retry_delay": 1e300, "retry_jitter_factor": 1e300},
    ],
)
def test_so_is_that_of_a_task_with_fractions(runs: Runs, policy: dict[str, Any]) -> None:
    run = runs.task_run("RUNNING", empirical_policy={"retries": 1, **policy})
    run.propose("FAILED")
    assert run.state["state_details"]["scheduled_time"] == LAST


@pytest.mark.parametrize("factor", [60, 2000, 1e300])
def test_no_jitter_is_too_wide(runs: Runs, factor: float) -> None:
    policy = {"retries": 1, "retry_delay": 1, "retry_jitter_factor": factor}
    run = runs.task_run("RUNNING", empirical_policy=policy)
    assert run.propose("FAILED").name == "AwaitingRetry"


@pytest.mark.parametrize("factor", [5e-324, 0.5, 1074, 1e308])
@pytest.mark.parametrize("mean", [5e-324, 1e-310, 1e308])
def test_no_mean_is_too_small_or_too_large_to_be_jittered(mean: float, factor: float) -> None:
    assert 0 <= jittered(mean, factor) <= mean * (1 + factor)


@pytest.mark.parametrize("factor", [1e-300, 1e-20])
def test_almost_no_jitter_is_almost_the_mean(factor: float) -> None:
    assert jittered(10, factor) == pytest.approx(10)


@pytest.mark.parametrize("key", ["nul\x00", "\ud800"])
@pytest.mark.parametrize("type", ["RUNNING", "COMPLETED"])
def test_a_cache_key_that_no_database_stores_is_refused(runs: Runs, key: str, type: str) -> None:
    run = runs.task_run()

    reply = _propose(run, {"type": type, "state_details": {"cache_key": key}})

    assert reply.status_code == 422
    [error] = reply.json()["exception_detail"]
    assert error["loc"] == ["body", "state", "state_details", "cache_key"]
    assert len(run.states()) == 1


def test_what_a_database_cannot_store_is_taken_out_of_the_texts_of_a_state(make: Make) -> None:
    run = make("RUNNING")
    data = {"n": 1, "artifact_key": "k\x00\ud800", "artifact_description": "d\ud800"}

    reply = _propose(run, {"type": "COMPLETED", "message": "m\x00\ud800", "data": data})

    assert reply.status_code == 201
    assert (run.state["message"], run.state["data"]) == ("m?", {"n": 1})

    def work(connection: Connection) -> list[Any]:
        query = select(artifact).where(artifact.c[f"{run.kind}_id"] == run.id)
        return list(connection.execute(query))

    [row] = run.application.read(work)
    assert (row.key, row.description) == ("k?", "d?")


def test_any_text_is_kept_inside_a_result(make: Make) -> None:
    run, data = make("RUNNING"), {"a\x00": ["nul\x00", "\ud800", "ü😀"]}
    assert _propose(run, {"type": "COMPLETED", "data": data}).status_code == 201
    assert run.state["data"] == data


@pytest.mark.parametrize(("depth", "code"), [(500, 201), (100_000, 400)])
def test_a_result_is_kept_or_refused_however_deep_it_is(make: Make, depth: int, code: int) -> None:
    run = make("RUNNING")
    body = '{"state":{"type":"COMPLETED","data":' + "[" * depth + "]" * depth + "}}"
    reply = run.application.post(f"/{run.kind}s/{run.id}/set_state", content=body, headers=JSON)
    assert reply.status_code == code
    assert len(run.states()) == (2 if code == 201 else 1)


JSON = {"content-type": "application/json"}


def _propose(run: Run, state: dict[str, Any]) -> Any:
    """Send a state as JSON that holds any text, also what is no text."""
    path, body = f"/{run.kind}s/{run.id}/set_state", json.dumps({"state": state})
    return run.application.post(path, content=body, headers=JSON)
