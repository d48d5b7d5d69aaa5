"""A change that fails in its middle leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, Table, func, select, text

from ephemeral_server.database.tables import artifact, flow_run_state, task_run, task_run_state
from ephemeral_server.database.transaction import Transaction
from tests.application import Application
from tests.orchestration.runs import PERSISTED, Run, Runs, state

Make: TypeAlias = Callable[..., Run]
STATES = {"flow_run": flow_run_state, "task_run": task_run_state}

REFUSE = {
    "sqlite": (
        "CREATE TRIGGER refuse BEFORE INSERT ON {} BEGIN SELECT RAISE(ABORT, 'refused'); END",
        "DROP TRIGGER refuse",
    ),
    "postgresql": (
        "ALTER TABLE {} ADD CONSTRAINT refuse CHECK (false) NOT VALID",
        "ALTER TABLE {} DROP CONSTRAINT refuse",
    ),
}


@contextmanager
def refusing(application: Application, table: Table) -> Iterator[None]:
    """The database takes no new rows of a table."""

    def execute(tx: Transaction, statement: str) -> None:
        tx.connection.execute(text(statement.format(table.name)))

    begin, end = REFUSE[application.runtime.database.dialect]
    application.write(execute, begin)
    try:
        yield
    finally:
        application.write(execute, end)


def count(application: Application, table: Table, **columns: Any) -> int:
    def work(connection: Connection) -> int:
        query = select(func.count()).select_from(table).filter_by(**columns)
        return connection.execute(query).scalar_one()

    return application.read(work)


@pytest.fixture(params=["flow_run", "task_run"])
def make(request: pytest.FixtureRequest, runs: Runs) -> Make:
    """Makes flow runs, or task runs."""
    method: Make = getattr(runs, request.param)
    return method


def test_a_state_that_cannot_be_stored_changes_nothing(runs: Runs, make: Make) -> None:
    run = make("RUNNING")
    before, states, told = run.read(), run.states(), run.events()

    with refusing(runs.application, STATES[run.kind]):
        reply = runs.application.post(
            f"/{run.kind}s/{run.id}/set_state", {"state": state("COMPLETED", data=PERSISTED)}
        )

    assert reply.status_code == 409
    assert (run.read(), run.states(), run.events()) == (before, states, told)
    assert count(runs.application, artifact, **{f"{run.kind}_id": run.id}) == 0
    assert run.propose("COMPLETED", data=PERSISTED).status == "ACCEPT"


def test_a_flow_run_without_its_first_state_is_not_made(runs: Runs) -> None:
    body = {"flow_id": runs.flow_id, "idempotency_key": "once"}
    of_flow = {"flows": {"id": {"any_": [runs.flow_id]}}}
    told = len(runs.application.events)

    with refusing(runs.application, flow_run_state):
        assert runs.application.post("/flow_runs/", body).status_code == 409

    assert runs.application.post("/flow_runs/count", of_flow).json() == 0
    assert len(runs.application.events) == told
    assert runs.application.post("/flow_runs/", body).status_code == 201


def test_a_task_run_without_its_first_state_is_not_made(runs: Runs) -> None:
    body = {"flow_run_id": runs.flow_run("RUNNING").id, "task_key": "t", "dynamic_key": "0"}

    with refusing(runs.application, task_run_state):
        assert runs.application.post("/task_runs/", body).status_code == 409

    assert count(runs.application, task_run, flow_run_id=body["flow_run_id"]) == 0
    assert runs.application.post("/task_runs/", body).status_code == 201


def test_a_subflow_does_not_go_on_without_its_placeholder(runs: Runs) -> None:
    placeholder = runs.task_run(flow_run_id=runs.flow_run("RUNNING").id)
    child = runs.flow_run(parent_task_run_id=placeholder.id)
    before = child.read()

    with refusing(runs.application, task_run_state):
        reply = runs.application.post(
            f"/flow_runs/{child.id}/set_state", {"state": state("RUNNING")}
        )

    assert reply.status_code == 409
    assert child.read() == before
    assert len(child.events()) == 1
    assert [each["type"] for each in placeholder.states()] == ["PENDING", "PENDING"]
