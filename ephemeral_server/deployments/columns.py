"""What bodies say about the columns of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ephemeral_server.deployments.schemas import (
    ConcurrencyOptions,
    DeploymentCreate,
    DeploymentUpdate,
)
from ephemeral_server.wire import dump

#: What a schema that is empty is kept as.
EMPTY_SCHEMA = {"type": "object", "properties": {}}


def _same(value: Any) -> Any:
    return value


def _schema(schema: dict[str, Any]) -> str:
    return dump(schema or EMPTY_SCHEMA)


def _options(options: ConcurrencyOptions) -> str:
    return options.model_dump_json()


#: How a member that is not null is written; members that are not here are no columns.
_WRITE: Mapping[str, Callable[[Any], Any]] = {
    "version": _same,
    "description": _same,
    "paused": _same,
    "tags": dump,
    "parameters": dump,
    "parameter_openapi_schema": _schema,
    "enforce_parameter_schema": _same,
    "job_variables": dump,
    "pull_steps": dump,
    "path": _same,
    "entrypoint": _same,
    "storage_document_id": str,
    "infrastructure_document_id": str,
    "work_queue_name": _same,
    "concurrency_options": _options,
}


def given_columns(body: DeploymentCreate | DeploymentUpdate) -> dict[str, Any]:
    """The columns that a body gives values for, as the database holds them."""
    values = {name: getattr(body, name) for name in body.model_fields_set & _WRITE.keys()}
    if values.get("job_variables", ...) is None:
        del values["job_variables"]
    return {name: None if value is None else _WRITE[name](value) for name, value in values.items()}
