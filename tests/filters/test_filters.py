"""Each criterion of each filter, on both databases: the JSON sent and the rows that fit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Table

from ephemeral_server.database.filters import EntityFilter
from ephemeral_server.database.tables import (
    deployment,
    flow,
    flow_run,
    task_run,
    work_pool,
    work_queue,
)
from ephemeral_server.deployments.filters import DeploymentFilter
from ephemeral_server.flow_runs.filters import FlowRunFilter
from ephemeral_server.flows.schemas import FlowFilter
from ephemeral_server.task_runs.filters import TaskRunFilter
from ephemeral_server.work_pools.filters import WorkPoolFilter, WorkQueueFilter
from tests.filters.dataset import AUTOMATION, Fitting, id_of

#: What is sent, and the names of the rows that fit.
Cases = list[tuple[dict[str, Any], str]]

FLOWS: Cases = [
    ({}, "etl idle report"),
    ({"id": {"any_": [id_of("etl").upper(), id_of("nobody")]}}, "etl"),
    ({"id": {"not_any_": [id_of("etl")]}}, "idle report"),
    ({"id": {"not_any_": []}}, "etl idle report"),
    ({"name": {"any_": ["etl", "nobody"]}}, "etl"),
    ({"name": {"any_": ["ETL"]}}, ""),
    ({"name": {"any_": []}}, ""),
    ({"name": {"like_": "E"}}, "etl idle report"),
    ({"name": {"like_": "r%r"}}, "report"),
    ({"name": {"like_": "_d"}}, "idle"),
    ({"name": {"like_": ""}}, "etl idle report"),
    ({"tags": {"all_": ["data"]}}, "etl report"),
    ({"tags": {"all_": ["data", "daily", "data"]}}, "etl"),
    ({"tags": {"all_": ["dat"]}}, ""),
    ({"tags": {"all_": []}}, "etl idle report"),
    ({"tags": {"is_null_": True}}, "idle"),
    ({"tags": {"is_null_": False}}, "etl report"),
    ({"tags": {"operator": "or_", "all_": ["daily"], "is_null_": True}}, "etl idle"),
    ({"deployment": {}}, "etl idle report"),
    ({"deployment": {"is_null_": True}}, "idle report"),
    ({"deployment": {"is_null_": False}}, "etl"),
    ({"name": {"like_": "e"}, "tags": {"all_": ["data"]}}, "etl report"),
    ({"operator": "or_", "name": {"any_": ["idle"]}, "tags": {"all_": ["daily"]}}, "etl idle"),
    ({"operator": "or_", "name": {"any_": ["idle"]}, "tags": {}}, "etl idle report"),
    ({"operator": "or_", "name": {"any_": ["idle"]}, "tags": None}, "idle"),
    ({"operator": "or_"}, "etl idle report"),
]

NOON, ONE, TWO, THREE, FOUR = (f"2026-01-01T{hour}:00:00Z" for hour in (12, 13, 14, 15, 16))

FLOW_RUNS: Cases = [
    ({}, "done failed planned sub"),
    ({"id": {"any_": [id_of("sub")]}}, "sub"),
    ({"id": {"not_any_": [id_of("sub")]}}, "done failed planned"),
    ({"name": {"like_": "D"}}, "done failed planned"),
    ({"tags": {"any_": ["prod", "nobody"]}}, "done"),
    ({"tags": {"any_": []}}, ""),
    ({"tags": {"all_": ["data"]}}, "done failed"),
    ({"tags": {"all_": ["data"], "any_": ["prod"]}}, "done"),
    ({"tags": {"operator": "or_", "all_": [], "any_": ["prod"]}}, "done"),
    ({"tags": {"operator": "or_", "all_": []}}, "done failed planned sub"),
    ({"tags": {"is_null_": True}}, "planned sub"),
    ({"deployment_id": {"any_": [id_of("nightly")]}}, "done"),
    ({"deployment_id": {"is_null_": True}}, "failed planned sub"),
    ({"deployment_id": {"is_null_": False}}, "done"),
    (
        {"deployment_id": {"operator": "or_", "any_": [id_of("nightly")], "is_null_": True}},
        "done failed planned sub",
    ),
    ({"work_queue_name": {"any_": ["fast"]}}, "done"),
    ({"work_queue_name": {"is_null_": True}}, "failed planned sub"),
    ({"state": {}}, "done failed planned sub"),
    ({"state": {"type": {"any_": ["FAILED", "RUNNING"]}}}, "failed sub"),
    ({"state": {"type": {"any_": []}}}, ""),
    ({"state": {"type": {"not_any_": ["FAILED"]}}}, "done planned sub"),
    ({"state": {"type": {"any_": ["FAILED", "RUNNING"], "not_any_": ["FAILED"]}}}, "sub"),
    ({"state": {"name": {"any_": ["Late"]}}}, "planned"),
    ({"state": {"name": {"not_any_": ["Late"]}}}, "done failed sub"),
    ({"state": {"type": {"any_": ["SCHEDULED"]}, "name": {"any_": ["Failed"]}}}, ""),
    (
        {
            "state": {
                "operator": "or_",
                "type": {"any_": ["SCHEDULED"]},
                "name": {"any_": ["Failed"]},
            }
        },
        "failed planned",
    ),
    (
        {"state": {"operator": "or_", "type": {}, "name": {"any_": ["Failed"]}}},
        "failed",  # an empty part of a state filter is as if it were not there
    ),
    (
        {"state": {"operator": "or_", "type": {"not_any_": []}, "name": {"any_": ["Failed"]}}},
        "failed",  # and so is one that asks for nothing
    ),
    ({"flow_version": {"any_": ["v1"]}}, "done"),
    ({"start_time": {"after_": ONE}}, "done failed planned sub"),
    ({"start_time": {"before_": ONE}}, "done sub"),
    ({"start_time": {"after_": THREE, "before_": THREE}}, "failed"),
    ({"start_time": {"is_null_": True}}, "failed planned"),
    ({"start_time": {"is_null_": False}}, "done sub"),
    ({"start_time": {"before_": "2026-01-01T13:00:00+02:00"}}, ""),
    ({"start_time": {"before_": "2026-01-01T13:00:00"}}, "done sub"),
    ({"end_time": {"before_": TWO}}, "done"),
    ({"end_time": {"is_null_": True}}, "planned sub"),
    ({"expected_start_time": {"after_": ONE, "before_": THREE}}, "failed sub"),
    ({"next_scheduled_start_time": {"after_": NOON}}, "planned"),
    ({"parent_flow_run_id": {"any_": [id_of("done"), id_of("failed")]}}, "sub"),
    ({"parent_flow_run_id": {"any_": []}}, ""),
    ({"parent_flow_run_id": {}}, "done failed planned sub"),
    ({"parent_task_run_id": {"any_": [id_of("child")]}}, "sub"),
    ({"parent_task_run_id": {"is_null_": True}}, "done failed planned"),
    ({"idempotency_key": {"any_": ["key"]}}, "done"),
    ({"idempotency_key": {"not_any_": ["other"]}}, "done"),  # runs without a key have none to fit
    ({"created_by": {"id_": [AUTOMATION.upper()]}}, "done"),
    ({"created_by": {"id_": []}}, ""),
    ({"created_by": {"type_": ["AUTOMATION"]}}, "done"),
    ({"created_by": {"type_": ["SCHEDULE"]}}, ""),
    ({"created_by": {"is_null_": True}}, "failed planned sub"),
]

TASK_RUNS: Cases = [
    ({}, "child crash load lone"),
    ({"id": {"any_": [id_of("load")]}}, "load"),
    ({"name": {"any_": ["load"]}}, "load"),
    ({"name": {"like_": "LO"}}, "load lone"),
    ({"tags": {"all_": ["io", "cpu"]}}, "crash"),
    ({"tags": {"is_null_": True}}, "child lone"),
    ({"tags": {"operator": "or_", "all_": [], "is_null_": True}}, "child lone"),
    ({"state": {"type": {"any_": ["FAILED"]}}}, "crash"),
    ({"state": {"name": {"any_": ["TimedOut", "Pending"]}}}, "crash lone"),
    ({"state": {"operator": "or_", "type": {}, "name": {"any_": ["TimedOut"]}}}, "crash"),
    ({"start_time": {"before_": ONE}}, "child load"),
    ({"start_time": {"is_null_": True}}, "crash lone"),
    ({"end_time": {"after_": TWO}}, "load"),
    ({"end_time": {"is_null_": True}}, "child crash lone"),
    ({"expected_start_time": {"before_": ONE}}, "child"),
    ({"subflow_runs": {"exists_": True}}, "child"),
    ({"subflow_runs": {"exists_": False}}, "crash load lone"),
    ({"subflow_runs": {}}, "child crash load lone"),
    ({"flow_run_id": {}}, "child crash load"),
    ({"flow_run_id": {"any_": [id_of("failed")]}}, "crash"),
    ({"flow_run_id": {"any_": []}}, ""),
    ({"flow_run_id": {"is_null_": True}}, "lone"),
    ({"flow_run_id": {"is_null_": True, "any_": [id_of("failed")]}}, "lone"),
    ({"flow_run_id": {"is_null_": None}}, "child crash load lone"),
    ({"flow_run_id": {"is_null_": None, "any_": [id_of("failed")]}}, "crash"),
]

DEPLOYMENTS: Cases = [
    ({}, "nightly paused"),
    ({"id": {"any_": [id_of("nightly")]}}, "nightly"),
    ({"id": {"not_any_": [id_of("nightly")]}}, "paused"),
    ({"name": {"like_": "NIGHT"}}, "nightly"),
    ({"flow_or_deployment_name": {"like_": "NIGHT"}}, "nightly"),
    ({"flow_or_deployment_name": {"like_": "ETL"}}, "nightly paused"),
    ({"flow_or_deployment_name": {"like_": "report"}}, ""),
    ({"flow_or_deployment_name": {"like_": ""}}, "nightly paused"),
    ({"flow_or_deployment_name": {}}, "nightly paused"),
    ({"paused": {"eq_": True}}, "paused"),
    ({"paused": {"eq_": False}}, "nightly"),
    ({"tags": {"any_": ["prod"]}}, "nightly"),
    ({"tags": {"is_null_": True}}, "paused"),
    ({"work_queue_name": {"any_": ["fast"]}}, "nightly"),
    ({"concurrency_limit": {"ge_": 5, "le_": 1, "is_null_": True}}, "nightly paused"),
]

WORK_POOLS: Cases = [
    ({}, "docker process"),
    ({"id": {"any_": [id_of("docker")]}}, "docker"),
    ({"name": {"any_": ["process"]}}, "process"),
    ({"type": {"any_": ["docker"]}}, "docker"),
]

WORK_QUEUES: Cases = [
    ({}, "fast local slow"),
    ({"id": {"any_": [id_of("fast")]}}, "fast"),
    ({"name": {"any_": ["slow"]}}, "slow"),
    ({"name": {"startswith_": ["FA", "lo"]}}, "fast local"),
    ({"name": {"startswith_": ["ast"]}}, ""),
    ({"name": {"startswith_": []}}, "fast local slow"),
]

TABLES: list[tuple[Table, type[EntityFilter], Cases]] = [
    (flow, FlowFilter, FLOWS),
    (flow_run, FlowRunFilter, FLOW_RUNS),
    (task_run, TaskRunFilter, TASK_RUNS),
    (deployment, DeploymentFilter, DEPLOYMENTS),
    (work_pool, WorkPoolFilter, WORK_POOLS),
    (work_queue, WorkQueueFilter, WORK_QUEUES),
]


@pytest.mark.parametrize(
    ("table", "filter", "criteria", "names"),
    [
        pytest.param(table, filter, criteria, names, id=f"{table.name}-{criteria}")
        for table, filter, cases in TABLES
        for criteria, names in cases
    ],
)
def test_rows_that_fit(
    fitting: Fitting,
    table: Table,
    filter: type[EntityFilter],
    criteria: dict[str, Any],
    names: str,
) -> None:
    clause = filter.model_validate(criteria).clause
    assert " ".join(fitting(table, clause)) == names


MANY = [f"name {number}" for number in range(40_000)]
MANY_IDS = [id_of(name) for name in MANY]


@pytest.mark.parametrize(
    ("table", "filter", "criteria", "names"),
    [
        (flow, FlowFilter, {"id": {"any_": [*MANY_IDS, id_of("etl")]}}, "etl"),
        (flow, FlowFilter, {"id": {"not_any_": [*MANY_IDS, id_of("etl")]}}, "idle report"),
        (flow, FlowFilter, {"name": {"any_": [*MANY, "etl"]}}, "etl"),
        (flow, FlowFilter, {"tags": {"all_": [*MANY, "data"]}}, ""),
        (flow, FlowFilter, {"tags": {"all_": ["data"] * 40_000}}, "etl report"),
        (flow_run, FlowRunFilter, {"tags": {"any_": [*MANY, "prod"]}}, "done"),
        (flow_run, FlowRunFilter, {"idempotency_key": {"not_any_": [*MANY, "key"]}}, ""),
        (flow_run, FlowRunFilter, {"state": {"type": {"any_": ["FAILED"] * 40_000}}}, "failed"),
        (flow_run, FlowRunFilter, {"created_by": {"id_": [*MANY_IDS, AUTOMATION]}}, "done"),
        (flow_run, FlowRunFilter, {"created_by": {"type_": [*MANY, "AUTOMATION"]}}, "done"),
        (work_queue, WorkQueueFilter, {"name": {"startswith_": ["fa"] * 200}}, "fast"),
        (flow, FlowFilter, {"name": {"like_": "\U0001f600" * 10_000}}, ""),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_lists_may_be_longer_than_a_statement_takes_parameters(
    fitting: Fitting,
    table: Table,
    filter: type[EntityFilter],
    criteria: dict[str, Any],
    names: str,
) -> None:
    clause = filter.model_validate(criteria).clause
    assert " ".join(fitting(table, clause)) == names


@pytest.mark.parametrize(
    ("filter", "criteria"),
    [
        (FlowFilter, {"color": {}}),
        (FlowFilter, {"name": {"like_": "x" * 10_001}}),
        (WorkQueueFilter, {"name": {"startswith_": ["x"] * 201}}),
        (FlowFilter, {"tags": {"any_": ["x"]}}),
        (FlowFilter, {"operator": "xor_"}),
        (FlowFilter, {"name": {"operator": "or_"}}),
        (FlowRunFilter, {"state": {"type": {"any_": ["failed"]}}}),
        (FlowRunFilter, {"start_time": {"before_": "yesterday"}}),
        (FlowRunFilter, {"name": {"any_": ["nul\x00"]}}),
        (TaskRunFilter, {"id": {"not_any_": []}}),
        (TaskRunFilter, {"state": {"type": {"not_any_": []}}}),
        (DeploymentFilter, {"concurrency_limit": {"eq_": 5}}),
        (WorkPoolFilter, {"name": {"like_": "x"}}),
    ],
)
def test_criteria_that_an_entity_does_not_take_are_refused(
    filter: type[EntityFilter], criteria: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        filter.model_validate(criteria)
