"""How a listing is restricted by filters on related entities.

A filter on related entities means: there is at least one such row. Filters that stand in one
group must be met by rows that belong together. A filter that is None restricts nothing; an
empty one still asks for a related row.
"""

from __future__ import annotations

from sqlalchemy import FromClause, Select, Table, and_, exists, select, true

from ephemeral_server.database.filters import EntityFilter, PlainFilter
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.tables import (
    artifact,
    artifact_collection,
    block_document,
    block_schema,
    block_type,
    deployment,
    flow,
    flow_run,
    task_run,
    work_pool,
    work_queue,
)


def flows_where(
    dialect: str,
    *,
    flows: EntityFilter | None = None,
    flow_runs: EntityFilter | None = None,
    task_runs: EntityFilter | None = None,
    deployments: EntityFilter | None = None,
    work_pools: EntityFilter | None = None,
) -> Clause:
    """The flows with a deployment (in a pool), and with a run (with a task run), that fit."""
    clauses = _own(flows, dialect)
    if deployments or work_pools:
        source: FromClause = deployment
        if work_pools:
            source = _with_pool(source, deployment)
        link = deployment.c.flow_id == flow.c.id
        clauses.append(_some(flow, source, link, dialect, deployments, work_pools))
    if flow_runs or task_runs:
        link = flow_run.c.flow_id == flow.c.id
        source = _runs(with_task_runs=bool(task_runs))
        clauses.append(_some(flow, source, link, dialect, flow_runs, task_runs))
    return and_(*clauses)


def deployments_where(
    dialect: str,
    *,
    flows: EntityFilter | None = None,
    flow_runs: EntityFilter | None = None,
    task_runs: EntityFilter | None = None,
    deployments: EntityFilter | None = None,
    work_pools: EntityFilter | None = None,
    work_pool_queues: EntityFilter | None = None,
) -> Clause:
    """The deployments whose flow, queue and pool fit, with a run (with a task run) that fits."""
    clauses = _own(deployments, dialect)
    if flows:
        found = select(flow.c.id).where(flows.clause(dialect))
        clauses.append(deployment.c.flow_id.in_(found))
    if work_pools or work_pool_queues:
        clauses.append(
            deployment.c.work_queue_id.in_(_queues(dialect, work_pools, work_pool_queues))
        )
    if flow_runs or task_runs:
        link = flow_run.c.deployment_id == deployment.c.id
        source = _runs(with_task_runs=bool(task_runs))
        clauses.append(_some(deployment, source, link, dialect, flow_runs, task_runs))
    return and_(*clauses)


def flow_runs_where(
    dialect: str,
    *,
    flows: EntityFilter | None = None,
    flow_runs: EntityFilter | None = None,
    task_runs: EntityFilter | None = None,
    deployments: EntityFilter | None = None,
    work_pools: EntityFilter | None = None,
    work_pool_queues: EntityFilter | None = None,
) -> Clause:
    """The flow runs whose flow, deployment, queue and pool fit, with a task run that fits."""
    clauses = _own(flow_runs, dialect)
    # What a run names comes by its id, so that SQLite uses the indexes of runs by these.
    if flows:
        found = select(flow.c.id).where(flows.clause(dialect))
        clauses.append(flow_run.c.flow_id.in_(found))
    if deployments:
        found = select(deployment.c.id).where(deployments.clause(dialect))
        clauses.append(flow_run.c.deployment_id.in_(found))
    if work_pools or work_pool_queues:
        queues = _queues(dialect, work_pools, work_pool_queues)
        clauses.append(flow_run.c.work_queue_id.in_(queues))
    if task_runs:
        link = task_run.c.flow_run_id == flow_run.c.id
        clauses.append(_some(flow_run, task_run, link, dialect, task_runs))
    return and_(*clauses)


def task_runs_where(
    dialect: str,
    *,
    flows: EntityFilter | None = None,
    flow_runs: EntityFilter | None = None,
    task_runs: EntityFilter | None = None,
    deployments: EntityFilter | None = None,
    work_pools: EntityFilter | None = None,
    work_queues: EntityFilter | None = None,
) -> Clause:
    """The task runs in a flow run that fits, with its flow, deployment, queue and pool."""
    clauses = _own(task_runs, dialect)
    related = (flow_runs, flows, deployments, work_queues, work_pools)
    if any(related):
        source: FromClause = flow_run
        if flows:
            source = source.join(flow, flow.c.id == flow_run.c.flow_id)
        if deployments:
            source = source.join(deployment, deployment.c.id == flow_run.c.deployment_id)
        if work_queues or work_pools:
            source = _with_pool(source, flow_run)
        link = flow_run.c.id == task_run.c.flow_run_id
        clauses.append(_some(task_run, source, link, dialect, *related))
    return and_(*clauses)


def block_types_where(
    dialect: str,
    *,
    block_types: PlainFilter | None = None,
    block_schemas: EntityFilter | None = None,
) -> Clause:
    """The block types with a schema that fits."""
    clauses = _own(block_types, dialect)
    if block_schemas:
        link = block_schema.c.block_type_id == block_type.c.id
        clauses.append(_some(block_type, block_schema, link, dialect, block_schemas))
    return and_(*clauses)


def block_documents_where(
    dialect: str,
    *,
    block_documents: EntityFilter | None = None,
    block_types: PlainFilter | None = None,
    block_schemas: EntityFilter | None = None,
) -> Clause:
    """The block documents whose type and schema fit."""
    clauses = _own(block_documents, dialect)
    if block_types:
        types = select(block_type.c.id).where(block_types.clause(dialect))
        clauses.append(block_document.c.block_type_id.in_(types))
    if block_schemas:
        schemas = select(block_schema.c.id).where(block_schemas.clause(dialect))
        clauses.append(block_document.c.block_schema_id.in_(schemas))
    return and_(*clauses)


def artifacts_where(dialect: str, **filters: EntityFilter | None) -> Clause:
    """The artifacts whose runs are there and fit, see `_of_runs`."""
    return _of_runs(dialect, artifact, **filters)


def collections_where(dialect: str, **filters: EntityFilter | None) -> Clause:
    """The collections the runs of whose latest artifacts are there and fit, see `_of_runs`."""
    return _of_runs(dialect, artifact_collection, **filters)


def _of_runs(
    dialect: str,
    listed: Table,
    *,
    artifacts: EntityFilter | None = None,
    flow_runs: EntityFilter | None = None,
    task_runs: EntityFilter | None = None,
    flows: EntityFilter | None = None,
    deployments: EntityFilter | None = None,
) -> Clause:
    """The rows in `listed` whose task run fits, and whose flow run with its flow and deployment."""
    clauses = _own(artifacts, dialect)
    if flow_runs or flows or deployments:
        fits = flow_runs_where(dialect, flow_runs=flow_runs, flows=flows, deployments=deployments)
        clauses.append(listed.c.flow_run_id.in_(select(flow_run.c.id).where(fits)))
    if task_runs:
        found = select(task_run.c.id).where(task_runs.clause(dialect))
        clauses.append(listed.c.task_run_id.in_(found))
    return and_(*clauses)


def _own(filter: PlainFilter | None, dialect: str) -> list[Clause]:
    return [filter.clause(dialect) if filter else true()]


def _queues(
    dialect: str, work_pools: EntityFilter | None, work_queues: EntityFilter | None
) -> Select[tuple[str]]:
    """The ids of the queues that fit, in a pool that fits."""
    found = select(work_queue.c.id).where(*_clauses(dialect, work_pools, work_queues))
    if work_pools:
        found = found.join(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    return found


def _runs(*, with_task_runs: bool) -> FromClause:
    """The flow runs; each with its task runs, if it has some, if these matter."""
    if not with_task_runs:
        return flow_run
    return flow_run.join(task_run, task_run.c.flow_run_id == flow_run.c.id)


def _with_pool(source: FromClause, holder: Table) -> FromClause:
    """`source` with the queue of `holder` and the pool that the queue is in."""
    queues = source.join(work_queue, work_queue.c.id == holder.c.work_queue_id)
    return queues.join(work_pool, work_pool.c.id == work_queue.c.work_pool_id)


def _some(
    listed: Table, source: FromClause, link: Clause, dialect: str, *filters: EntityFilter | None
) -> Clause:
    """There are rows in `source` that `link` ties to the `listed` row and that fit `filters`."""
    clauses = _clauses(dialect, *filters)
    return exists().select_from(source).where(link, *clauses).correlate(listed)


def _clauses(dialect: str, *filters: EntityFilter | None) -> list[Clause]:
    return [filter.clause(dialect) for filter in filters if filter]
