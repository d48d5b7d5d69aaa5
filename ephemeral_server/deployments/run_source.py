"""What runs of a deployment are made from, and whether those that are asked for can be made.

The schemas and the templates that this takes are the users' and may take their time, so they
are looked at between two transactions unless they are known to be quick.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import deployment, flow, work_pool, work_queue
from ephemeral_server.deployments.run_schemas import DeploymentFlowRunCreate
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.parameters.checks import HydrationError, check_parameters, hydrated
from ephemeral_server.parameters.hydration import KIND, variable_names
from ephemeral_server.parameters.store import read_variables
from ephemeral_server.parameters.validation import is_quick
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.job_variables import Job

NOT_FOUND = "Deployment not found"

#: A deployment with all that its runs take from it and that their events tell of it.
Row = Mapping[str, Any]

_C = deployment.c
_COLUMNS = (
    _C.id,
    _C.updated,
    _C.flow_id,
    _C.version,
    _C.labels,
    _C.parameters,
    _C.parameter_openapi_schema,
    _C.enforce_parameter_schema,
    _C.job_variables,
    _C.work_queue_id,
    _C.work_queue_name,
    _C.name.label("deployment.name"),
    _C.tags.label("deployment.tags"),
    flow.c.name.label("flow.name"),
    flow.c.tags.label("flow.tags"),
    work_queue.c.name.label("work_queue.name"),
    work_pool.c.id.label("work_pool.id"),
    work_pool.c.name.label("work_pool.name"),
    work_pool.c.type.label("work_pool.type"),
    work_pool.c.base_job_template,
)
_QUERY = (
    select(*_COLUMNS)
    .select_from(deployment)
    .join(flow, flow.c.id == _C.flow_id)
    .outerjoin(work_queue, work_queue.c.id == _C.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .where(_C.id == bindparam("id"))
)
_READ = Prepared(_QUERY)
# Nobody deletes the deployment before the commit.
_TO_WRITE = Prepared(_QUERY.with_for_update(read=True, key_share=True, of=deployment))


@dataclass(frozen=True, slots=True)
class Source:
    """A deployment as its runs need it.

    Attributes:
        updated: when it was last changed, in microseconds.
        parameters: for those that a run does not give itself.
        schema: JSON schema of the parameters, if there is one.
        enforced: whether they have to fit it.
        job: what jobs are made with.
        variables: values of the variables that parameters name.
    """

    updated: int
    parameters: dict[str, Any]
    schema: Any
    enforced: bool
    job: Job
    variables: dict[str, Any]

    def enforces(self, body: DeploymentFlowRunCreate) -> bool:
        """Whether the parameters of a run have to fit the schema."""
        own = body.enforce_parameter_schema
        return self.enforced if own is None else own


def read_row(connection: Connection, id: str, *, to_write: bool = False) -> Row:
    """The deployment of this id.

    Args:
        to_write: nobody else is to delete it before the transaction ends.

    Raises:
        ObjectNotFoundError: there is none.
    """
    row = (_TO_WRITE if to_write else _READ).mapping(connection, {"id": id})
    if row is None:
        raise ObjectNotFoundError(NOT_FOUND)
    return row


def source_of(
    connection: Connection, vault: Vault, row: Row, wanted: Sequence[DeploymentFlowRunCreate]
) -> Source:
    """What the runs that are wanted of a deployment are made from.

    Raises:
        ObjectNotFoundError: a block that the pool's template names is not there.
    """
    parameters = json.loads(row["parameters"])
    names = set(variable_names([parameters, *[each.parameters for each in wanted]]))
    return Source(
        updated=row["updated"],
        parameters=parameters,
        schema=json.loads(row["parameter_openapi_schema"] or "null"),
        enforced=row["enforce_parameter_schema"],
        job=Job.read(connection, vault, row["base_job_template"], row["job_variables"]),
        variables=read_variables(connection, names) if names else {},
    )


def read_source(
    connection: Connection, vault: Vault, id: str, wanted: Sequence[DeploymentFlowRunCreate]
) -> Source:
    """The same for the deployment of this id.

    Raises:
        ObjectNotFoundError: there is no such deployment, or no such block.
    """
    return source_of(connection, vault, read_row(connection, id), wanted)


def is_checked_quickly(source: Source, body: DeploymentFlowRunCreate) -> bool:
    """Whether `checked_parameters` takes no longer than a statement of the database."""
    given = [source.parameters, body.parameters]
    if KIND in dump(given) or not source.job.is_quick(body.job_variables):
        return False
    return not (source.enforces(body) and source.schema) or is_quick(source.schema, given)


def checked_parameters(source: Source, body: DeploymentFlowRunCreate, largest: int) -> str:
    """The parameters of a run that is wanted, as JSON, if it can be made.

    Args:
        largest: bytes that the parameters of a deployment or of a request may have; 0 for any.

    Raises:
        HydrationError: what stands for a parameter cannot be had.
        ParametersError: the parameters do not fit the deployment.
        JobVariablesError: the job variables do not fit the pool's template.
        InvalidSchemaError: the deployment's or the pool's schema is none.
    """
    parameters = hydrated({**source.parameters, **body.parameters}, source.variables)
    text = dump(parameters)
    if largest and len(text) > 2 * largest:
        raise HydrationError(f"all parameters must be less than {2 * largest:,} bytes.")
    if source.enforces(body):
        check_parameters(parameters, source.schema, ignore_required=False)
    source.job.check(body.job_variables)
    return text
