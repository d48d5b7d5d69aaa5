"""Which runs of a deployment go with a change of it, and what goes with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from ephemeral_server.database.tables import (
    concurrency_lease,
    concurrency_lease_limit,
    concurrency_limit,
    log,
)
from tests.api.deployments.conftest import DAILY, HOURLY, Deployments

A, B = {"schedule": HOURLY, "slug": "a"}, {"schedule": DAILY, "slug": "b"}

ALL = {"ahead", "ahead of b", "late", "late of b", "waiting", "begun", "manual", "running", "over"}


class Runs:
    """One run of each kind, of a deployment with two schedules."""

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments
        self.of = deployments.new(schedules=[A, B], tags=["t"])
        self.id: str = self.of["id"]
        ids = {each["slug"]: each["id"] for each in self.of["schedules"]}
        self.path = f"/deployments/{self.id}"
        self.path_of_a = f"{self.path}/schedules/{ids['a']}"
        a, b = {"schedule_id": ids["a"]}, {"schedule_id": ids["b"]}
        late = {"due_in": -60, "state_name": "Late"}

        def run(**given: Any) -> str:
            return deployments.run(self.of, **given)

        self.ids = {
            "ahead": run(**a),
            "ahead of b": run(**b),
            "late": run(**a, **late),
            "late of b": run(**b, **late),
            "waiting": run(**a, state_name="AwaitingConcurrencySlot"),
            "begun": run(**a, run_count=1, state_name="AwaitingRetry"),
            "manual": run(auto_scheduled=False),
            "running": run(**a, state_type="RUNNING", state_name="Running"),
            "over": run(**a, state_type="COMPLETED", state_name="Completed"),
        }
        self.other = deployments.new()
        self.of_other = deployments.run(self.other)

    def left(self) -> set[str]:
        """The kinds of which the run is still there."""
        ids = self.deployments.runs(self.id)
        return {kind for kind, id in self.ids.items() if id in ids}

    # What is done to the deployment.

    def post(self, **given: Any) -> int:
        self.deployments.again(self.of, **{"schedules": [A, B], "tags": ["t"], **given})
        return 200

    def patch(self, **given: Any) -> int:
        return self.deployments.patch(self.id, **given).status_code

    def ask(self, method: str, path: str, body: Any = None) -> int:
        return self.deployments.application.request(method, path, body).status_code


AHEAD = {"ahead", "ahead of b"}
PLANNED = {*AHEAD, "late", "late of b"}

CASES: dict[str, tuple[Callable[[Runs], int], set[str]]] = {
    "posted as it was": (lambda runs: runs.post(), set()),
    "posted with another description": (lambda runs: runs.post(description="d"), set()),
    "posted with other tags": (lambda runs: runs.post(tags=["u"]), AHEAD),
    "posted with other parameters": (lambda runs: runs.post(parameters={"x": 1}), AHEAD),
    "posted with other labels": (lambda runs: runs.post(labels={"x": 1}), AHEAD),
    "posted as another version": (lambda runs: runs.post(version="2"), AHEAD),
    "posted to another queue": (lambda runs: runs.post(work_queue_name="q"), AHEAD),
    "posted without a schedule": (lambda runs: runs.post(schedules=[B]), {"ahead"}),
    "posted with another schedule": (lambda runs: runs.post(schedules=[A, B, A | {"slug": "c"}]), set()),
    "posted as paused": (lambda runs: runs.post(paused=True), AHEAD),
    "nothing is changed": (lambda runs: runs.patch(), set()),
    "changed to what it was": (lambda runs: runs.patch(tags=["t"]), set()),
    "tags are changed": (lambda runs: runs.patch(tags=[]), AHEAD),
    "it is paused by a change": (lambda runs: runs.patch(paused=True), AHEAD),
    "a schedule is changed": (lambda runs: runs.patch(schedules=[{"slug": "a", "active": False}]), {"ahead"}),
    "a schedule is changed to what it was": (lambda runs: runs.patch(schedules=[A]), set()),
    "a schedule is changed by itself": (lambda runs: runs.ask("PATCH", runs.path_of_a, {"slug": "c"}), {"ahead"}),
    "a schedule stays by itself": (lambda runs: runs.ask("PATCH", runs.path_of_a, {"slug": "a"}), set()),
    "a schedule is deleted": (lambda runs: runs.ask("DELETE", runs.path_of_a), {"ahead", "late"}),
    "a schedule is added": (lambda runs: runs.ask("POST", f"{runs.path}/schedules", [{"schedule": DAILY}]), set()),
    "paused": (lambda runs: runs.ask("POST", f"{runs.path}/pause_deployment"), PLANNED),
    "resumed": (lambda runs: runs.ask("POST", f"{runs.path}/resume_deployment"), set()),
    "deleted": (lambda runs: runs.ask("DELETE", runs.path), {*PLANNED, "waiting", "manual"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_only_runs_that_no_longer_hold_go(deployments: Deployments, case: str) -> None:
    runs = Runs(deployments)
    what, gone = CASES[case]
    assert runs.left() == ALL

    assert what(runs) in (200, 201, 204)

    assert ALL - runs.left() == gone
    assert deployments.runs(runs.other["id"]) == {runs.of_other}


def test_a_change_that_is_refused_keeps_all_runs(deployments: Deployments) -> None:
    runs = Runs(deployments)

    assert runs.patch(tags=[], schedules=[{"slug": "z"}]) == 422

    assert runs.left() == ALL


def test_logs_and_slots_go_with_a_planned_run(deployments: Deployments) -> None:
    insert = deployments.application.insert
    made = deployments.new(schedules=[A])
    run, other = deployments.run(made), deployments.run(made, due_in=-60)
    logs = [
        insert(log, flow_run_id=id, message="", level=20, timestamp=0, name="n")
        for id in (run, other)
    ]
    limit = deployments.limit(active_slots=2)
    for id in (run, other):
        lease = insert(
            concurrency_lease, holder_type="flow_run", holder_id=id, slots=1, expiration=2**62
        )
        deployments.application.write(
            lambda tx, lease=lease: tx.connection.execute(
                concurrency_lease_limit.insert().values(lease_id=lease, limit_id=limit)
            )
        )

    deployments.patched(made["id"], tags=["new"])

    def look(connection: Connection) -> tuple[list[str], int | None]:
        found = connection.scalars(select(log.c.id).where(log.c.id.in_(logs)))
        taken = select(concurrency_limit.c.active_slots).where(concurrency_limit.c.id == limit)
        return list(found), connection.scalar(taken)

    assert deployments.runs(made["id"]) == {other}
    assert deployments.application.read(look) == ([logs[1]], 1)
