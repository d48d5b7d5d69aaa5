"""Work pools of an application, and what happens to them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.application import Application
from tests.workers.said import Json


class Pool:
    """A pool of one test.

    Args:
        application: where it is.
        **given: members of the request that makes it.
    """

    def __init__(self, application: Application, **given: Any) -> None:
        self.application = application
        self.name = f"pool-{uuid4()}"
        reply = application.post("/work_pools/", {"name": self.name, "type": "process", **given})
        assert reply.status_code == 201, reply.text
        self.id: str = reply.json()["id"]

    @property
    def path(self) -> str:
        return f"/work_pools/{self.name}"

    def read(self) -> Json:
        """The pool as the API shows it."""
        pool: Json = self.application.get(self.path).json()
        return pool

    def change(self, **members: Any) -> None:
        """Patch the pool, a second later."""
        self.application.clock.advance(1)
        assert self.application.patch(self.path, members).status_code == 204

    def delete(self) -> None:
        """Delete the pool."""
        assert self.application.delete(self.path).status_code == 204

    def queue(self, name: str, **given: Any) -> str:
        """A new queue; its id."""
        reply = self.application.post(f"{self.path}/queues", {"name": name, **given})
        assert reply.status_code == 201, reply.text
        id: str = reply.json()["id"]
        return id

    def workers(self) -> list[Json]:
        """The workers that the API shows."""
        workers: list[Json] = self.application.post(f"{self.path}/workers/filter", {}).json()
        return workers
