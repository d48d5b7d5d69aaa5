"""Which runs of a deployment go with a change of it, and what goes with them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from ephemeral_server.database.tables import (
    concurrency_lease,
    concurrency_lease_limit,
    concurrency_limit,
    log,
)
from ephemeral_server.database.transaction import Transaction
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
        self.schedule_a: str = ids["a"]
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

    def ask(self, what: str, body: Any) -> int:
        """Send a request to the path below the deployment, or post it again; the status."""
        if what == "POST again":
            names = {key: self.of[key] for key in ("name", "flow_id")}
            body = {**names, "schedules": [A, B], "tags": ["t"], **body}
            return self.deployments.application.post("/deployments/", body).status_code
        method, _, path = what.partition(" ")
        path = f"/deployments/{self.id}{path.replace('{a}', self.schedule_a)}"
        return self.deployments.application.request(method, path, body).status_code


AHEAD = {"ahead", "ahead of b"}
PLANNED = {*AHEAD, "late", "late of b"}

# What is asked for, and which runs go by that.
CASES: list[tuple[str, Any, set[str]]] = [
    ("POST again", {}, set()),
    ("POST again", {"description": "d", "path": "/srv", "job_variables": {"x": 1}}, set()),
    ("POST again", {"tags": ["u"]}, AHEAD),
    ("POST again", {"parameters": {"x": 1}}, AHEAD),
    ("POST again", {"labels": {"x": 1}}, AHEAD),
    ("POST again", {"version": "2"}, AHEAD),
    ("POST again", {"work_queue_name": "q"}, AHEAD),
    ("POST again", {"paused": True}, AHEAD),
    ("POST again", {"schedules": [B]}, {"ahead"}),
    ("POST again", {"schedules": [{**A, "schedule": DAILY}, B]}, {"ahead"}),
    ("POST again", {"schedules": [A, B, {**A, "slug": "c"}]}, set()),
    ("PATCH", {}, set()),
    ("PATCH", {"tags": ["t"]}, set()),
    ("PATCH", {"tags": []}, AHEAD),
    ("PATCH", {"paused": True}, AHEAD),
    ("PATCH", {"schedules": [A]}, set()),
    ("PATCH", {"schedules": [{"slug": "a", "active": False}]}, {"ahead"}),
    ("PATCH /schedules/{a}", {"slug": "a"}, set()),
    ("PATCH /schedules/{a}", {"slug": "c"}, {"ahead"}),
    ("DELETE /schedules/{a}", None, {"ahead", "late"}),
    ("POST /schedules", [{"schedule": DAILY}], set()),
    ("POST /pause_deployment", None, PLANNED),
    ("POST /resume_deployment", None, set()),
    ("DELETE", None, {*PLANNED, "waiting", "manual"}),
]


@pytest.mark.parametrize(("what", "body", "gone"), CASES)
def test_only_runs_that_no_longer_hold_go(
    deployments: Deployments, what: str, body: Any, gone: set[str]
) -> None:
    runs = Runs(deployments)
    assert runs.left() == ALL

    assert runs.ask(what, body) in (200, 201, 204)

    assert ALL - runs.left() == gone
    assert deployments.runs(runs.other["id"]) == {runs.of_other}


def test_a_change_that_is_refused_keeps_all_runs(deployments: Deployments) -> None:
    runs = Runs(deployments)

    assert runs.ask("PATCH", {"tags": [], "schedules": [{"slug": "z"}]}) == 422

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
    leases = [
        insert(concurrency_lease, holder_type="flow_run", holder_id=id, slots=1, expiration=2**62)
        for id in (run, other)
    ]
    on_limit = [{"lease_id": lease, "limit_id": limit} for lease in leases]

    def link(tx: Transaction) -> None:
        tx.connection.execute(concurrency_lease_limit.insert(), on_limit)

    deployments.application.write(link)

    deployments.patched(made["id"], tags=["new"])

    def look(connection: Connection) -> tuple[list[str], int | None]:
        found = connection.scalars(select(log.c.id).where(log.c.id.in_(logs)))
        taken = select(concurrency_limit.c.active_slots).where(concurrency_limit.c.id == limit)
        return list(found), connection.scalar(taken)

    assert deployments.runs(made["id"]) == {other}
    assert deployments.application.read(look) == ([logs[1]], 1)
