"""Rows of tables, put into a database whatever the routes would say."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table

#: What the columns of rows hold that a test does not care about.
_FILLING: dict[str, dict[str, Any]] = {
    "flow": {"tags": "[]"},
    "flow_run": {
        "tags": "[]",
        "empirical_policy": "{}",
        "run_count": 0,
        "total_run_time": 0,
        "parameters": "{}",
        "context": "{}",
        "auto_scheduled": False,
    },
    "task_run": {
        "tags": "[]",
        "empirical_policy": "{}",
        "run_count": 0,
        "flow_run_run_count": 0,
        "total_run_time": 0,
        "task_inputs": "{}",
    },
    "deployment": {
        "paused": False,
        "tags": "[]",
        "parameters": "{}",
        "job_variables": "{}",
        "enforce_parameter_schema": True,
        "status": "NOT_READY",
        "to_be_planned": False,
    },
    "deployment_schedule": {"active": True, "parameters": "{}"},
    "concurrency_limit": {
        "active": True,
        "slots": 1,
        "active_slots": 0,
        "denied_slots": 0,
        "slot_decay_per_second": 0.0,
        "avg_slot_occupancy_seconds": 2.0,
    },
    "work_pool": {
        "type": "process",
        "base_job_template": "{}",
        "storage_configuration": "{}",
        "is_paused": False,
        "status": "NOT_READY",
    },
    "worker": {"status": "ONLINE"},
    "variable": {"value": "null", "tags": "[]"},
    "work_queue": {"description": "", "is_paused": False, "priority": 1, "status": "NOT_READY"},
}


def filled(table: Table, values: dict[str, Any], now: int) -> dict[str, Any]:
    """A row with these values, made at `now`, and something in every other column it needs."""
    row = {"created": now, "updated": now, "name": f"{table.name}-{values['id']}"}
    row |= {"decays_from": now, "denied_decays_from": now}
    row |= {**_FILLING.get(table.name, {}), **values}
    return {name: value for name, value in row.items() if name in table.c}
