"""What the tests of deployments share."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from ephemeral_server.clock import SECOND
from ephemeral_server.database.tables import concurrency_limit, deployment, flow_run
from ephemeral_server.events.model import Event
from tests.api.objects import made, new_flow
from tests.application import Application

HOURLY = {"cron": "0 * * * *"}
DAILY = {"cron": "0 9 * * *"}


class Deployments:
    """Makes deployments through the API and looks at what is there of them."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.api: Any = application  # takes requests as an HTTP client does

    def body(self, **given: Any) -> dict[str, Any]:
        """The body of a deployment with a name of its own, of a new flow unless one is named."""
        if "flow_id" not in given:
            given["flow_id"] = new_flow(self.api)["id"]
        return {"name": f"d-{uuid.uuid4()}", **given}

    def new(self, **given: Any) -> dict[str, Any]:
        """A new deployment as it is answered."""
        return made(self.api, "/deployments/", self.body(**given))

    def again(self, known: dict[str, Any], **given: Any) -> dict[str, Any]:
        """A deployment after it was posted once more."""
        names = {key: known[key] for key in ("name", "flow_id")}
        answer = self.application.post("/deployments/", {**names, **given})
        assert answer.status_code == 200, answer.text
        answered: dict[str, Any] = answer.json()
        return answered

    def patch(self, id: str, **given: Any) -> httpx.Response:
        return self.application.patch(f"/deployments/{id}", given)

    def patched(self, id: str, **given: Any) -> dict[str, Any]:
        """A deployment after it was changed."""
        answer = self.patch(id, **given)
        assert (answer.status_code, answer.content) == (204, b""), answer.text
        return self.read(id)

    def read(self, id: str) -> dict[str, Any]:
        answer = self.application.get(f"/deployments/{id}")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def pool(self, **given: Any) -> str:
        """The name of a new pool."""
        body = {"name": f"p-{uuid.uuid4()}", "type": "process", **given}
        return str(made(self.api, "/work_pools/", body)["name"])

    def limit(self, **given: Any) -> str:
        """The id of a new limit that belongs to nobody."""
        return self.application.insert(concurrency_limit, **{"slots": 4, **given})

    def limits(self, id: str) -> list[tuple[str, int]]:
        """Id and slots of the limits of this id, or that belong to a deployment of this id."""
        column = concurrency_limit.c

        def read(connection: Connection) -> list[tuple[str, int]]:
            query = select(column.id, column.slots).where(
                (column.id == id) | (column.name == f"deployment:{id}")
            )
            return [(row.id, row.slots) for row in connection.execute(query)]

        return self.application.read(read)

    def run(self, of: dict[str, Any], due_in: float = 3600, **columns: Any) -> str:
        """The id of a new run: one that a schedule has planned, unless `columns` tell else.

        Args:
            due_in: seconds.
        """
        at = self.application.clock.now() + round(due_in * SECOND)
        known = {
            "flow_id": of["flow_id"],
            "deployment_id": of["id"],
            "auto_scheduled": True,
            "state_type": "SCHEDULED",
            "state_name": "Scheduled",
            "next_scheduled_start_time": at,
            "expected_start_time": at,
        }
        return self.application.insert(flow_run, **{**known, **columns})

    def runs(self, id: str) -> set[str]:
        """The ids of the runs of a deployment."""

        def read(connection: Connection) -> set[str]:
            return set(
                connection.scalars(select(flow_run.c.id).where(flow_run.c.deployment_id == id))
            )

        return self.application.read(read)

    def is_to_be_planned(self, id: str) -> bool:
        """Whether the scheduler is to look at a deployment; from now on it is not."""

        def look(connection: Connection) -> bool:
            query = select(deployment.c.to_be_planned).where(deployment.c.id == id)
            return bool(connection.scalar(query))

        found = self.application.read(look)
        self.application.write(
            lambda tx: tx.connection.execute(
                deployment.update().where(deployment.c.id == id).values(to_be_planned=False)
            )
        )
        return found

    def events(self, id: str) -> list[Event]:
        """What was told of a deployment, the oldest first."""
        about = f"prefect.deployment.{id}"
        return [
            event
            for event in self.application.events
            if event.resource["prefect.resource.id"] == about
        ]


@pytest.fixture
def deployments(application: Application) -> Deployments:
    return Deployments(application)
