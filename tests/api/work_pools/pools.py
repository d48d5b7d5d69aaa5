"""Work pools that tests of routes need, and what was told of them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from ephemeral_server.events.model import Event
from tests.application import Application


class Pool:
    """A work pool of a new name, made through the API.

    Attributes:
        made: the answer of the create route.
        path: of the pool, below ``/api``.
    """

    def __init__(self, application: Application, **given: Any) -> None:
        self.application = application
        body = {"name": f"pool-{uuid4()}", "type": "process", **given}
        reply = application.post("/work_pools/", body)
        assert reply.status_code == 201, reply.text
        self.made: dict[str, Any] = reply.json()
        self.name: str = self.made["name"]
        self.path = f"/work_pools/{self.name}"

    def read(self) -> dict[str, Any]:
        pool: dict[str, Any] = self.application.get(self.path).json()
        return pool

    def change(self, **body: Any) -> None:
        reply = self.application.patch(self.path, body)
        assert reply.status_code == 204, reply.text

    def heartbeat(self, name: str = "worker", **body: Any) -> None:
        reply = self.application.post(f"{self.path}/workers/heartbeat", {"name": name, **body})
        assert reply.status_code == 204, reply.text

    def add_queue(self, name: str, **body: Any) -> dict[str, Any]:
        reply = self.application.post(f"{self.path}/queues", {"name": name, **body})
        assert reply.status_code == 201, reply.text
        queue: dict[str, Any] = reply.json()
        return queue

    def change_queue(self, name: str, /, **body: Any) -> None:
        reply = self.application.patch(f"{self.path}/queues/{name}", body)
        assert reply.status_code == 204, reply.text

    def queue(self, name: str) -> dict[str, Any]:
        queue: dict[str, Any] = self.application.get(f"{self.path}/queues/{name}").json()
        return queue

    def queues(self, **body: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.application.post(
            f"{self.path}/queues/filter", body
        ).json()
        return found

    def priorities(self) -> dict[str, int]:
        """By the names of the queues, the most urgent first."""
        return {queue["name"]: queue["priority"] for queue in self.queues()}

    def run(self, queue: str, state: str) -> str:
        """The id of a new flow run that waits in a queue of the pool."""
        flow = self.application.post("/flows/", {"name": "runs in pools"}).json()
        where = {"work_pool_name": self.name, "work_queue_name": queue}
        body = {"flow_id": flow["id"], "state": {"type": state}, **where}
        id: str = self.application.post("/flow_runs/", body).json()["id"]
        return id

    def told(self) -> list[str]:
        """The names of the events about the pool and its queues, without ``prefect.``."""
        return [event.event.removeprefix("prefect.") for event in self.events()]

    def events(self, name: str = "") -> list[Event]:
        """The events about the pool and its queues whose names end so, in their order."""
        mine = f"prefect.work-pool.{self.made['id']}"
        return [
            event
            for event in self.application.events
            if event.event.endswith(name)
            and mine in [each["prefect.resource.id"] for each in (event.resource, *event.related)]
        ]


def refusal(reply: Any) -> tuple[Any, str]:
    """Where a body was refused, and why."""
    assert reply.status_code == 422, reply.text
    detail = reply.json()["exception_detail"][0]
    return detail["loc"], detail["msg"]
