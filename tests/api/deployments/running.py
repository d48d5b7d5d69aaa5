"""Making flow runs of deployments in tests."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump
from tests.api.deployments.conftest import Deployments

INTEGER = {"type": "integer"}
STRING = {"type": "string"}


class Runner:
    """Asks for runs of deployments.

    Attributes:
        deployments: makes those.
    """

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments
        self.application = deployments.application

    def ask(self, deployment_id: str, **given: Any) -> httpx.Response:
        return self.application.post(f"/deployments/{deployment_id}/create_flow_run", given)

    def run(self, deployment_id: str, **given: Any) -> dict[str, Any]:
        """A new run as it is answered."""
        answer = self.ask(deployment_id, **given)
        assert answer.status_code == 201, answer.text
        run: dict[str, Any] = answer.json()
        return run

    def refusal(self, deployment_id: str, **given: Any) -> tuple[int, str]:
        """The status and the reason of a refusal, after which there is no run."""
        answer = self.ask(deployment_id, **given)
        assert self.deployments.runs(deployment_id) == set()
        return answer.status_code, answer.json()["detail"]

    def ask_many(
        self, deployment_id: str, bodies: list[dict[str, Any]], **given: Any
    ) -> httpx.Response:
        path = f"/deployments/{deployment_id}/create_flow_run/bulk"
        return self.application.post(path, bodies, **given)

    def many(self, deployment_id: str, *bodies: dict[str, Any]) -> list[dict[str, Any]]:
        """What became of many runs that were asked for at once."""
        answer = self.ask_many(deployment_id, list(bodies))
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    def read(self, run_id: str) -> dict[str, Any]:
        run: dict[str, Any] = self.application.get(f"/flow_runs/{run_id}").json()
        return run

    def pool(self, variables: dict[str, Any]) -> str:
        """The name of a new pool whose jobs take these variables, whether they make sense."""
        pool_id, queue_id = (new_id(self.application.clock.now()) for _ in range(2))
        template = dump({"job_configuration": {"x": 1}, "variables": variables})
        self.application.insert(
            work_pool, id=pool_id, base_job_template=template, default_queue_id=queue_id
        )
        self.application.insert(work_queue, id=queue_id, work_pool_id=pool_id, name="default")
        return f"work_pool-{pool_id}"


@pytest.fixture
def runner(deployments: Deployments) -> Runner:
    return Runner(deployments)
