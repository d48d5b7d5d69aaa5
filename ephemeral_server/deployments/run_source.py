"""What runs of a deployment are made from, and whether those that are asked for can be made.

A schema and a template are the users' and may take their time, so both are looked at between
two transactions: the first one reads what is needed, see `read_source`; the second one makes
the runs, see `runs`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import deployment, work_pool, work_queue
from ephemeral_server.deployments.run_schemas import DeploymentFlowRunCreate
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.parameters.checks import HydrationError, check_parameters, hydrated
from ephemeral_server.parameters.hydration import variable_names
from ephemeral_server.parameters.store import read_variables
from ephemeral_server.wire import dump
from ephemeral_server.work_pools.job_variables import check_variables, defaults_of

NOT_FOUND = "Deployment not found"

_C = deployment.c
_SOURCE = Prepared(
    select(
        _C.updated,
        _C.parameters,
        _C.parameter_openapi_schema,
        _C.enforce_parameter_schema,
        _C.job_variables,
        work_pool.c.base_job_template,
    )
    .select_from(deployment)
    .outerjoin(work_queue, work_queue.c.id == _C.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .where(_C.id == bindparam("id"))
)


@dataclass(frozen=True, slots=True)
class Source:
    """A deployment as its runs need it.

    Attributes:
        id: of the deployment.
        updated: when it was last changed, in microseconds.
        parameters: for those that a run does not give itself.
        schema: JSON schema of the parameters, if there is one.
        enforced: whether they have to fit it.
        job_variables: of all its runs.
        template: of the jobs in its pool; empty without a pool.
        defaults: of the variables of the template.
        variables: values of the variables that parameters name.
    """

    id: str
    updated: int
    parameters: dict[str, Any]
    schema: Any
    enforced: bool
    job_variables: dict[str, Any]
    template: dict[str, Any]
    defaults: dict[str, Any]
    variables: dict[str, Any]


def read_source(
    connection: Connection, id: str, wanted: Sequence[DeploymentFlowRunCreate]
) -> Source:
    """What the runs that are wanted of a deployment are made from.

    Raises:
        ObjectNotFoundError: there is no such deployment, or a block that its pool's template
            names is not there.
    """
    row = _SOURCE.mapping(connection, {"id": id})
    if row is None:
        raise ObjectNotFoundError(NOT_FOUND)
    parameters = json.loads(row["parameters"])
    template = json.loads(row["base_job_template"] or "{}")
    names = set(variable_names([parameters, *[each.parameters for each in wanted]]))
    return Source(
        id=id,
        updated=row["updated"],
        parameters=parameters,
        schema=json.loads(row["parameter_openapi_schema"] or "null"),
        enforced=row["enforce_parameter_schema"],
        job_variables=json.loads(row["job_variables"]),
        template=template,
        defaults=defaults_of(connection, template) if wanted else {},
        variables=read_variables(connection, names) if names else {},
    )


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
    if largest and len(text) > 2 * largest and len(text.encode()) > 2 * largest:
        raise HydrationError(f"all parameters must be less than {2 * largest:,} bytes.")
    enforced = body.enforce_parameter_schema
    if source.enforced if enforced is None else enforced:
        check_parameters(parameters, source.schema, ignore_required=False)
    check_variables(
        source.template, source.defaults, source.job_variables, body.job_variables or {}
    )
    return text
