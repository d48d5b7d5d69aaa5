"""Filters on related entities, on both databases: the filters and the rows that fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Table

from ephemeral_server.database.filters import EntityFilter
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.relations import flow_runs_where, flows_where, task_runs_where
from ephemeral_server.database.tables import flow, flow_run, task_run
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.work_pools.filters import WorkPoolFilter, WorkQueueFilter
from tests.filters.dataset import Fitting, id_of

FILTERS: dict[str, type[EntityFilter]] = {
    "flows": FlowFilter,
    "flow_runs": FlowRunFilter,
    "task_runs": TaskRunFilter,
    "deployments": DeploymentFilter,
    "work_pools": WorkPoolFilter,
    "work_pool_queues": WorkQueueFilter,
    "work_queues": WorkQueueFilter,
}


#: The filters sent, and the names of the rows that fit.
Cases = list[tuple[dict[str, Any], str]]


def named(*names: str) -> dict[str, Any]:
    return {"name": {"any_": list(names)}}


FLOWS: Cases = [
    ({}, "etl idle report"),
    ({"flows": named("idle")}, "idle"),
    ({"deployments": {}}, "etl"),
    ({"deployments": named("nobody")}, ""),
    ({"work_pools": {}}, "etl"),
    ({"work_pools": named("process")}, ""),
    ({"deployments": named("nightly"), "work_pools": named("docker")}, "etl"),
    # Each has a row that fits, but not one that fits both.
    ({"deployments": named("paused"), "work_pools": named("docker")}, ""),
    ({"flow_runs": {}}, "etl report"),
    ({"flow_runs": named("sub")}, "report"),
    ({"task_runs": {}}, "etl"),
    ({"flow_runs": named("done"), "task_runs": named("load")}, "etl"),
    ({"flow_runs": named("failed"), "task_runs": named("load")}, ""),
    ({"flow_runs": named("failed"), "deployments": named("nightly")}, "etl"),
    ({"flows": {"deployment": {"is_null_": False}}, "deployments": named("paused")}, "etl"),
    ({"flow_runs": {"parent_flow_run_id": {"any_": [id_of("done")]}}}, "report"),
    ({"task_runs": {"subflow_runs": {"exists_": True}}}, "etl"),
    ({"task_runs": {"subflow_runs": {"exists_": True}}, "flow_runs": named("failed")}, ""),
]

FLOW_RUNS: Cases = [
    ({}, "done failed planned sub"),
    ({"flow_runs": named("sub")}, "sub"),
    ({"flows": {}}, "done failed planned sub"),
    ({"flows": named("report")}, "planned sub"),
    ({"flows": {"deployment": {"is_null_": True}}}, "planned sub"),
    ({"deployments": {}}, "done"),
    ({"deployments": {"flow_or_deployment_name": {"like_": "etl"}}}, "done"),
    ({"work_pools": {}}, "done"),
    ({"work_pools": named("process")}, ""),
    ({"work_pool_queues": named("fast")}, "done"),
    ({"work_pool_queues": named("fast"), "work_pools": named("process")}, ""),
    ({"task_runs": {}}, "done failed"),
    ({"task_runs": {"tags": {"all_": ["cpu"]}}}, "failed"),
    ({"task_runs": {"subflow_runs": {"exists_": True}}}, "done"),
    ({"flows": named("etl"), "task_runs": named("load"), "deployments": {}}, "done"),
]

TASK_RUNS: Cases = [
    ({}, "child crash load lone"),
    ({"task_runs": named("lone")}, "lone"),
    ({"flow_runs": {}}, "child crash load"),
    ({"flow_runs": named("failed")}, "crash"),
    ({"flow_runs": {"parent_flow_run_id": {"any_": [id_of("done")]}}}, ""),
    ({"flows": {}}, "child crash load"),
    ({"flows": {"deployment": {"is_null_": False}}}, "child crash load"),
    ({"deployments": {}}, "child load"),
    ({"flow_runs": named("failed"), "deployments": {}}, ""),
    ({"flow_runs": named("done"), "flows": named("report")}, ""),
    ({"work_pools": named("docker")}, "child load"),
    ({"work_queues": named("fast")}, "child load"),
    ({"work_queues": named("slow")}, ""),
    ({"task_runs": {"subflow_runs": {"exists_": True}}, "flow_runs": {}}, "child"),
]

LISTINGS: list[tuple[Table, Callable[..., Clause], Cases]] = [
    (flow, flows_where, FLOWS),
    (flow_run, flow_runs_where, FLOW_RUNS),
    (task_run, task_runs_where, TASK_RUNS),
]


@pytest.mark.parametrize(
    ("table", "where", "filters", "names"),
    [
        pytest.param(table, where, filters, names, id=f"{table.name}-{filters}")
        for table, where, cases in LISTINGS
        for filters, names in cases
    ],
)
def test_rows_whose_related_rows_fit(
    fitting: Fitting,
    table: Table,
    where: Callable[..., Clause],
    filters: dict[str, Any],
    names: str,
) -> None:
    given = {name: FILTERS[name].model_validate(filter) for name, filter in filters.items()}
    assert " ".join(fitting(table, lambda dialect: where(dialect, **given))) == names
