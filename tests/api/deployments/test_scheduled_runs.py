"""Runners ask for the scheduled runs of the deployments that they serve."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.clock import SECOND, isoformat, to_datetime
from tests.api.objects import NOBODY
from tests.orchestration.runs import Run, Runs
from tests.services.planning import HOUR, MONDAY, Planning, every

PATH = "/deployments/get_scheduled_flow_runs"


@pytest.fixture
def planning(runs: Runs) -> Planning:
    return Planning(runs)


def ask(planning: Planning, *deployment_ids: str, **body: Any) -> list[dict[str, Any]]:
    answer = planning.application.post(PATH, {"deployment_ids": deployment_ids, **body})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def waiting(planning: Planning, deployment_id: str, seconds: float, name: str | None = None) -> Run:
    """A scheduled run of a deployment."""
    at = isoformat(round((MONDAY + seconds) * SECOND))
    return planning.runs.flow_run(
        "SCHEDULED", name, state_scheduled_time=at, deployment_id=deployment_id
    )


def test_the_runs_of_the_named_deployments_come_by_their_time(planning: Planning) -> None:
    one, other, third = (planning.deployment() for _ in range(3))
    waiting(planning, third, 1)
    later = waiting(planning, one, 30)
    first = waiting(planning, other, 10)
    second = waiting(planning, one, 20)
    found = ask(planning, one, other, one)
    assert [run["id"] for run in found] == [first.id, second.id, later.id]


def test_a_run_is_told_as_everywhere(planning: Planning) -> None:
    id = planning.deployment(every(HOUR))
    planning.scheduler()
    found = ask(planning, id)
    assert [planning.application.get(f"/flow_runs/{run['id']}").json() for run in found] == found
    assert len(found) == 3


@pytest.mark.parametrize("name", [None, "Late", "AwaitingRetry", "AwaitingConcurrencySlot"])
def test_any_scheduled_state_will_do(planning: Planning, name: str | None) -> None:
    id = planning.deployment()
    run = waiting(planning, id, 0, name)
    assert [found["id"] for found in ask(planning, id)] == [run.id]


@pytest.mark.parametrize("type", ["PENDING", "RUNNING", "PAUSED", "COMPLETED", "CANCELLED"])
def test_no_other_state_will(planning: Planning, type: str) -> None:
    id = planning.deployment()
    waiting(planning, id, 0).propose(type, force=True)
    assert ask(planning, id) == []


def test_whether_a_deployment_is_paused_does_not_matter(planning: Planning) -> None:
    id = planning.deployment(paused=True)
    waiting(planning, id, 0)
    assert len(ask(planning, id)) == 1


@pytest.mark.parametrize("form", [str, lambda date: date.isoformat().replace("+00:00", "Z")])
def test_runs_come_up_to_a_time(planning: Planning, form: Any) -> None:
    id = planning.deployment()
    run = waiting(planning, id, 10)
    waiting(planning, id, 10.000001)
    before = form(to_datetime((MONDAY + 10) * SECOND))
    assert [found["id"] for found in ask(planning, id, scheduled_before=before)] == [run.id]
    early = form(to_datetime((MONDAY + 10) * SECOND - 1))
    assert ask(planning, id, scheduled_before=early) == []
    assert len(ask(planning, id, scheduled_before=None)) == 2


def test_they_come_again_until_something_moves_them(planning: Planning) -> None:
    id = planning.deployment()
    run = waiting(planning, id, 0)
    assert ask(planning, id) == ask(planning, id)
    run.propose("PENDING")
    assert ask(planning, id) == []


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (2, 2), (200, 3), (None, 3)])
def test_a_limit_holds(planning: Planning, limit: int | None, count: int) -> None:
    id = planning.deployment()
    runs = [waiting(planning, id, seconds) for seconds in (1, 2, 3)]
    found = ask(planning, id, limit=limit)
    assert [each["id"] for each in found] == [run.id for run in runs[:count]]


@pytest.mark.parametrize("limit", [-1, 201])
def test_a_limit_out_of_bounds_is_refused(planning: Planning, limit: int) -> None:
    answer = planning.application.post(PATH, {"deployment_ids": [], "limit": limit})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("Invalid limit: ")


@pytest.mark.parametrize(
    "body", [None, {}, {"deployment_ids": None}, {"deployment_ids": ["x"]}, {"deployment_ids": 1}]
)
def test_the_deployments_must_be_named(planning: Planning, body: Any) -> None:
    answer = planning.application.post(PATH, body)
    assert answer.status_code == 422
    assert answer.json()["exception_message"] == "Invalid request received."


def test_nobody_has_no_runs(planning: Planning) -> None:
    waiting(planning, planning.deployment(), 0)
    assert ask(planning) == ask(planning, NOBODY) == []


def test_thousands_of_deployments_may_be_named(planning: Planning) -> None:
    ids = [planning.deployment() for _ in range(3)]
    runs = [waiting(planning, id, seconds) for seconds, id in enumerate(ids)]
    others = [str(uuid4()) for _ in range(5000)]
    found = ask(planning, *others[:2500], *ids, *others[2500:])
    assert [run["id"] for run in found] == [run.id for run in runs]
    assert planning.row(ids[0]).status == "READY"


def test_the_deployments_are_ready_from_then_on(planning: Planning) -> None:
    id, other = planning.deployment(), planning.deployment()
    before = planning.row(id)
    planning.at(1)
    planning.application.events.clear()

    ask(planning, id)

    after = planning.row(id)
    assert (after.status, after.last_polled) == ("READY", (MONDAY + 1) * SECOND)
    assert after.updated == before.updated
    assert planning.row(other).status == "NOT_READY"
    [event] = planning.application.events
    assert event.event == "prefect.deployment.ready"
    assert event.resource["prefect.resource.id"] == f"prefect.deployment.{id}"
