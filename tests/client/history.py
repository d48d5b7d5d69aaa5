"""What the server tells about runs, read with the real client."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.sorting import FlowRunSort, LogSort, TaskRunSort

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun, Log, State, TaskRun

    from tests.client.traffic import Traffic


class History:
    """Reads back what happened, as soon as all of it has arrived.

    Args:
        traffic: of the server that the client is pointed at.
    """

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._clients = ExitStack()

    @cached_property
    def client(self) -> SyncPrefectClient:
        """A client that is none of those that flows use."""
        return self._clients.enter_context(get_client(sync_client=True))

    def close(self) -> None:
        """Close the client."""
        self._clients.close()

    def flow_runs(self) -> list[FlowRun]:
        """All flow runs, the one that began first first."""
        self._traffic.settle()
        return self.client.read_flow_runs(sort=FlowRunSort.START_TIME_ASC)

    def flow_run(self) -> FlowRun:
        """The only flow run there is."""
        (run,) = self.flow_runs()
        return run

    def task_runs(self, flow_run: FlowRun | None = None) -> list[TaskRun]:
        """The task runs of one flow run or of all, the one that was to start first first."""
        self._traffic.settle()
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id])) if flow_run else None
        return self.client.read_task_runs(
            flow_run_filter=chosen, sort=TaskRunSort.EXPECTED_START_TIME_ASC
        )

    def task_run(self, name: str) -> TaskRun:
        """The only task run of the task with this name."""
        (run,) = (run for run in self.task_runs() if run.task_key.startswith(f"{name}-"))
        return run

    def states(self, run: FlowRun | TaskRun) -> list[State]:
        """The states that a run has had, oldest first."""
        self._traffic.settle()
        if "flow_id" in type(run).model_fields:
            states = self.client.read_flow_run_states(run.id)
        else:
            states = self.client.read_task_run_states(run.id)
        return sorted(states, key=lambda state: state.timestamp)

    def state_names(self, run: FlowRun | TaskRun) -> list[str]:
        """The names of the states that a run has had, oldest first."""
        return [str(state.name) for state in self.states(run)]

    def logs(self, flow_run_id: UUID) -> list[Log]:
        """The log of a flow run and of its task runs, oldest first."""
        self._traffic.settle()
        chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]))
        logs: list[Log] = []
        while page := self.client.read_logs(chosen, offset=len(logs), sort=LogSort.TIMESTAMP_ASC):
            logs += page
        return logs

    def messages(self, flow_run: FlowRun, task_run: TaskRun | None = None) -> list[str]:
        """The texts of the log of a flow run or of one of its task runs, oldest first."""
        return [
            log.message
            for log in self.logs(flow_run.id)
            if task_run is None or log.task_run_id == task_run.id
        ]
