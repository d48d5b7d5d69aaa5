"""A worker of the real client whose infrastructure is this very process."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from anyio.abc import TaskStatus
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.workers.base import BaseJobConfiguration, BaseWorker, BaseWorkerResult
from pydantic import Field

from tests.client.deploying import deploy

#: What the client calls what it runs flows with, when it is asked.
PID = "this process"


class Job(BaseJobConfiguration):
    """What a job may be told.

    Attributes:
        machine: a variable that only workers of this type know.
        details: another one, which takes whatever there is to be said.
    """

    machine: str = "small"
    details: dict[str, Any] = Field(default_factory=dict)


class InProcessWorker(BaseWorker[Job, Any, BaseWorkerResult]):
    """Runs flows in threads of this process.

    Attributes:
        flows: that it can run, by name.
        jobs: what it was told to run, by the names of the runs, in order.
    """

    type = "in-process"
    job_configuration = Job
    flows: dict[str, Flow[Any, Any]]
    jobs: dict[str, Job]

    async def run(
        self,
        flow_run: FlowRun,
        configuration: Job,
        task_status: TaskStatus[Any] | None = None,
    ) -> BaseWorkerResult:
        """Run the flow, as a process of its own would."""
        self.jobs[flow_run.name] = configuration
        if task_status is not None:
            task_status.started(PID)
        flow = self.flows.get(configuration.labels["prefect.io/flow-name"])
        code = await asyncio.to_thread(_exit_code, flow, flow_run) if flow is not None else 1
        return BaseWorkerResult(identifier=PID, status_code=code)


def _exit_code(flow: Flow[Any, Any], flow_run: FlowRun) -> int:
    try:
        run_flow(flow, flow_run=flow_run, parameters=flow_run.parameters)
    except Pause:
        pass
    except Exception:
        return 1
    return 0


class Pool:
    """A work pool with deployments, and a worker that looks for work when it is told to.

    Args:
        name: of the pool, which the worker makes.
    """

    def __init__(self, name: str = "pool") -> None:
        self.name = name
        self._flows: dict[str, Flow[Any, Any]] = {}
        self.jobs: dict[str, Job] = {}
        self.work()

    def deploy(self, flow: Flow[Any, Any], name: str = "deployed", **options: Any) -> UUID:
        """Deploy a flow into the pool; the id of the deployment."""
        self._flows[flow.name] = flow
        return deploy(flow, name, work_pool_name=self.name, **options)

    def work(self, *queues: str, limit: int | None = None) -> list[str]:
        """Let a worker look for work once and do all it is given; the names of the runs.

        Args:
            *queues: that it serves; all if there are none.
            limit: how many runs it takes at once.
        """
        worker = InProcessWorker(
            self.name, list(queues), name="worker", prefetch_seconds=0, limit=limit
        )
        worker.flows, worker.jobs = self._flows, {}
        asyncio.run(worker.start(run_once=True, printer=lambda _: None))
        self.jobs |= worker.jobs
        return list(worker.jobs)
