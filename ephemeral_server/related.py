"""The criteria that flow runs and deployments are listed by: their own and those of the rest."""

from __future__ import annotations

from ephemeral_server.database.filters import EntityFilter
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.http.body import QueryBody
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.work_pools.filters import WorkPoolFilter, WorkQueueFilter


class RelatedFilters(QueryBody):
    """Criteria of an entity, and of those that are related to it."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None

    def filters(self) -> dict[str, EntityFilter | None]:
        """The criteria by their names, for `ephemeral_server.database.relations`."""
        return {name: getattr(self, name) for name in RelatedFilters.model_fields}
