"""Job variables of a scheduled run that are changed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.deployments.running import INTEGER, STRING, Runner, runner
from tests.api.objects import NOBODY

__all__ = ["runner"]

VARIABLES = {"properties": {"n": INTEGER, "s": STRING}, "required": ["s"]}


@pytest.fixture
def run(runner: Runner) -> dict[str, Any]:
    """A run of a deployment in a pool."""
    id = runner.deployments.new(work_pool_name=runner.pool(VARIABLES))["id"]
    return runner.run(id, job_variables={"s": "x"})


def _change(runner: Runner, run: dict[str, Any], value: Any, **given: Any) -> httpx.Response:
    body = {"job_variables": value, **given}
    return runner.application.patch(f"/flow_runs/{run['id']}", body)


def test_they_replace_the_old_ones(runner: Runner, run: dict[str, Any]) -> None:
    assert _change(runner, run, {"s": "y", "n": 1}).status_code == 204
    assert runner.read(run["id"])["job_variables"] == {"s": "y", "n": 1}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            {"n": "x", "s": "y"},
            (
                "Validation failed for field 'n'. Failure reason: 'x' is not valid under any of "
                "the given schemas"
            ),
        ),
        ({"n": 1}, "Validation failed. Failure reason: 's' is a required property"),
        ({}, "Validation failed. Failure reason: 's' is a required property"),
    ],
)
def test_they_have_to_fit_the_pools_template(
    runner: Runner, run: dict[str, Any], value: dict[str, Any], reason: str
) -> None:
    answer = _change(runner, run, value, name="changed")

    assert answer.status_code == 422
    assert answer.json() == {"detail": f"Error updating flow run: {reason}"}
    assert runner.read(run["id"]) == run


def test_they_go_before_the_deployments(runner: Runner, run: dict[str, Any]) -> None:
    runner.deployments.patched(run["deployment_id"], job_variables={"s": "z", "n": "x"})

    assert "'x' is not valid" in _change(runner, run, {}).json()["detail"]
    assert _change(runner, run, {"n": 1}).status_code == 204


def test_without_a_pool_anything_fits(runner: Runner) -> None:
    run = runner.run(runner.deployments.new()["id"])

    assert _change(runner, run, {"n": "x"}).status_code == 204


def test_null_takes_them_away_whatever_is_required(runner: Runner, run: dict[str, Any]) -> None:
    assert _change(runner, run, None).status_code == 204
    assert runner.read(run["id"])["job_variables"] == {}


def test_a_run_that_has_begun_keeps_them(runner: Runner, run: dict[str, Any]) -> None:
    path = f"/flow_runs/{run['id']}/set_state"
    runner.application.post(path, {"state": {"type": "PENDING"}, "force": True})

    answer = _change(runner, run, {"n": "x"})

    reason = "Job variables for a flow run in state PENDING cannot be updated"
    assert (answer.status_code, answer.json()) == (400, {"detail": reason})


def test_a_run_whose_deployment_is_gone_keeps_them(runner: Runner) -> None:
    deployment = runner.deployments.new()
    run = runner.run(deployment["id"], state={"type": "PENDING"})
    runner.application.delete(f"/deployments/{deployment['id']}")
    runner.application.post(
        f"/flow_runs/{run['id']}/set_state", {"state": {"type": "SCHEDULED"}, "force": True}
    )

    answer = _change(runner, run, {})

    reason = "A deployment for the flow run could not be found"
    assert (answer.status_code, answer.json()) == (400, {"detail": reason})


def test_a_run_has_to_be_there(runner: Runner) -> None:
    answer = _change(runner, {"id": NOBODY}, {})

    assert (answer.status_code, answer.json()) == (404, {"detail": "Flow run not found"})
