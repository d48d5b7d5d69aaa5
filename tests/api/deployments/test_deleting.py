"""Deleting deployments."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, func, select

from ephemeral_server.database.tables import deployment_schedule
from tests.api.deployments.conftest import HOURLY, Deployments
from tests.api.objects import NOBODY


def test_one_is_deleted_with_its_schedules(deployments: Deployments) -> None:
    made = deployments.new(schedules=[{"schedule": HOURLY}])
    path = f"/deployments/{made['id']}"

    answer = deployments.application.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert deployments.application.get(path).status_code == 404

    def schedules(connection: Connection) -> int | None:
        column = deployment_schedule.c
        query = select(func.count()).where(column.deployment_id == made["id"])
        return connection.scalar(query)

    assert deployments.application.read(schedules) == 0


def test_runs_that_stay_keep_its_id(deployments: Deployments) -> None:
    made = deployments.new()
    run = deployments.run(made, state_type="RUNNING", state_name="Running")

    deployments.application.delete(f"/deployments/{made['id']}")

    answer = deployments.application.get(f"/flow_runs/{run}")
    assert answer.json()["deployment_id"] == made["id"]


def test_what_is_not_there_is_not_found(deployments: Deployments) -> None:
    made = deployments.new()
    deployments.application.delete(f"/deployments/{made['id']}")

    for id in (NOBODY, made["id"]):
        answer = deployments.application.delete(f"/deployments/{id}")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})


def delete(of: Deployments, **body: Any) -> Any:
    answer = of.application.post("/deployments/bulk_delete", body)
    assert answer.status_code == 200
    return answer.json()["deleted"]


def test_the_first_that_fit_by_name_are_deleted_and_told(deployments: Deployments) -> None:
    tag = str(uuid.uuid4())
    made = [deployments.new(tags=[tag], name=name, concurrency_limit=1) for name in "cab"]
    ids = [each["id"] for each in made]
    runs = [deployments.run(each) for each in made]
    fitting = {"tags": {"all_": [tag]}}

    assert delete(deployments, deployments=fitting, limit=2) == [ids[1], ids[2]]

    assert deployments.runs(ids[0]) == {runs[0]}
    for id in ids[1:]:
        assert deployments.runs(id) == set()
        assert deployments.limits(id) == []
        assert deployments.events(id)[-1].event == "prefect.deployment.deleted"
    assert delete(deployments, deployments=fitting) == [ids[0]]
    assert delete(deployments, deployments=fitting) == []


def test_without_a_filter_any_may_be_deleted(deployments: Deployments) -> None:
    deployments.new()
    before = deployments.application.post("/deployments/count").json()

    assert len(delete(deployments, deployments=None, limit=1)) == 1

    assert deployments.application.post("/deployments/count").json() == before - 1
