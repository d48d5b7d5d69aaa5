"""Deployments with limits, tags with limits, and clients of several versions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import delete

from ephemeral_server.database.tables import deployment
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.limits.leases import Holder, Lease, leases_of
from ephemeral_server.limits.releases import release
from ephemeral_server.wire import dump
from tests.limits.limits import Limits
from tests.orchestration.runs import Run, Runs

LEASE = "deployment_concurrency_lease_id"


def client(version: str) -> dict[str, str]:
    """The header by which the Prefect client of a version tells it."""
    return {"User-Agent": f"prefect/{version} (API 0.8.4)"}


#: A client that renews leases, one that does not, and one that tells nothing.
NEW, OLD, UNKNOWN = client("3.8.8"), client("3.4.10"), {"User-Agent": "curl/8.0"}


class Slots(Limits):
    """Limits of deployments and tags, and who has their slots."""

    def __init__(self, runs: Runs) -> None:
        super().__init__(runs.application)
        self.runs = runs

    def deployment(self, limit_id: str | None, **options: Any) -> str:
        """A deployment of the runs' flow with a limit; `options` are its concurrency options."""
        return self.runs.deployment(
            concurrency_limit_id=limit_id, concurrency_options=dump(options) if options else None
        )

    def pending(self, deployment_id: str, **details: Any) -> Run:
        """A run that a worker has taken, with a slot of its deployment."""
        run = self.runs.flow_run("SCHEDULED", deployment_id=deployment_id)
        answer = run.propose("PENDING", headers=NEW, **details)
        assert (answer.status, answer.type) == ("ACCEPT", "PENDING")
        assert self.held(run)
        return run

    def running(self, deployment_id: str, **details: Any) -> Run:
        """A run that has begun, with a slot of its deployment."""
        run = self.pending(deployment_id)
        assert run.propose("RUNNING", headers=NEW, **details).status == "ACCEPT"
        return run

    def held(self, run: Run) -> list[Lease]:
        """The leases of a run."""
        holder = Holder("flow_run" if run.kind == "flow_run" else "task_run", run.id)
        return self.application.read(leases_of, holder)

    def named(self, run: Run) -> str | None:
        """The lease that the run's state names."""
        lease: str | None = run.state["state_details"][LEASE]
        return lease

    def lose(self, run: Run) -> None:
        """Take the slot back, as if the lease had not been renewed."""
        lease_id = self.named(run)
        assert lease_id is not None
        assert self.application.write(release, lease_id)

    def drop(self, deployment_id: str) -> None:
        """Delete a deployment; its runs keep its id."""

        def work(tx: Transaction) -> None:
            tx.connection.execute(delete(deployment).where(deployment.c.id == deployment_id))

        self.application.write(work)

    def tag(self, slots: int = 1, **columns: Any) -> tuple[str, str]:
        """A new tag with a limit: the tag, and the id of the limit."""
        tag = f"tag-{uuid4()}"
        return tag, self.new(slots, name=f"tag:{tag}", **columns)
