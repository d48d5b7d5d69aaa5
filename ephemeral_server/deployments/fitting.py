"""Whether the parameters of a deployment fit its schema, and its job variables its work pool.

What that takes from the database is read first. The checks themselves may take their time, as
schemas are the users': they belong into a thread, not onto the event loop and not into a
transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.tables import deployment
from ephemeral_server.deployments.changes import NOT_FOUND, Fitted
from ephemeral_server.deployments.columns import EMPTY_SCHEMA
from ephemeral_server.deployments.placement import find_pool
from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentUpdate
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import (
    ChangeRefusedError,
    ConflictError,
    ObjectNotFoundError,
    UnprocessableError,
)
from ephemeral_server.parameters.checks import (
    HydrationError,
    ParametersError,
    check_parameters,
    hydrated,
)
from ephemeral_server.parameters.hydration import variable_names
from ephemeral_server.parameters.store import read_variables
from ephemeral_server.parameters.validation import InvalidSchemaError
from ephemeral_server.work_pools.job_variables import (
    Job,
    JobVariablesError,
    check_variables,
    defaults_of,
)
from ephemeral_server.work_queues.default_agent import NAME as DEFAULT_POOL

_STORED = Prepared(
    select(*[deployment.c[name] for name in Fitted.COLUMNS]).where(
        deployment.c.id == bindparam("id")
    )
)


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be known to check a change.

    Attributes:
        stored: values of `Fitted.COLUMNS`.
        variables: those that the parameters name, by name.
        job: what jobs would be made with, if a pool and job variables are given.
    """

    stored: tuple[Any, ...]
    variables: Mapping[str, Any]
    job: Job | None


def read_job(
    connection: Connection, vault: Vault, body: DeploymentCreate | DeploymentUpdate
) -> Job | None:
    """What jobs would be made with; None if a body has no job variables or names no pool.

    Raises:
        ObjectNotFoundError: there is no such pool, or no block that its template names.
    """
    if not body.work_pool_name or not body.job_variables or body.work_pool_name == DEFAULT_POOL:
        return None
    template = json.loads(find_pool(connection, body.work_pool_name)["base_job_template"])
    return Job(template, defaults_of(connection, vault, template), body.job_variables)


def read_known(connection: Connection, vault: Vault, id: str, body: DeploymentUpdate) -> Known:
    """What has to be known to check a change of the deployment of this id.

    Raises:
        ObjectNotFoundError: there is no such deployment, or see `read_job`.
    """
    stored = _STORED.first(connection, {"id": id})
    if stored is None:
        raise ObjectNotFoundError(NOT_FOUND)
    names = set(variable_names(body.parameters))
    variables = read_variables(connection, names) if names else {}
    return Known(tuple(stored), variables, read_job(connection, vault, body))


def check_new_parameters(body: DeploymentCreate) -> None:
    """Make sure that the parameters of a deployment to make fit its schema, if it asks for that.

    Raises:
        ValueError: they do not, or the schema is none.
    """
    try:
        check_parameters(
            body.parameters,
            body.parameter_openapi_schema or {},
            ignore_required=True,
            lenient=False,
        )
    except InvalidSchemaError as error:
        raise ValueError(
            f"The provided schema is not a valid json schema. Schema error: {error.reason}"
        ) from None


def check_new_variables(job: Job) -> None:
    """Make sure that jobs can be made with the variables of a deployment to make.

    Raises:
        UnprocessableError: they cannot.
    """
    try:
        check_variables(job.template, job.defaults, job.variables, ignore_required=True)
    except JobVariablesError as error:
        raise UnprocessableError(f"Error creating deployment: {error}") from None


def check_change(body: DeploymentUpdate, known: Known) -> Fitted:
    """Make sure that a deployment fits when it is changed.

    Raises:
        ChangeRefusedError: what stands for a parameter stands for none.
        ConflictError: parameters or job variables do not fit.
        UnprocessableError: a schema is none.
    """
    if known.job is not None:
        try:
            check_variables(known.job.template, {}, known.job.variables, ignore_required=True)
        except JobVariablesError as error:
            raise ConflictError(f"Error updating deployment: {error}") from None
    given = None if body.parameters is None else _hydrated(body.parameters, known.variables)
    parameters, schema, enforced = known.stored
    if body.enforce_parameter_schema is not None:
        enforced = body.enforce_parameter_schema
    if enforced:
        own = body.parameter_openapi_schema
        if own is None:
            own = json.loads(schema or "null")
        try:
            check_parameters(
                json.loads(parameters) if given is None else given,
                EMPTY_SCHEMA if own == {} else own,
                ignore_required=True,
            )
        except ParametersError as error:
            raise ConflictError(f"Error updating deployment: {error}") from None
    return Fitted(known.stored, given)


def _hydrated(parameters: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return hydrated(parameters, variables)
    except HydrationError as error:
        raise ChangeRefusedError(f"Error hydrating deployment parameters: {error}") from None
