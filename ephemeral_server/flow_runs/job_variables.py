"""Job variables of flow runs that are to be changed."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from ephemeral_server.database.tables import deployment, flow_run, work_pool, work_queue
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ChangeRefusedError, ObjectNotFoundError
from ephemeral_server.orchestration.states import SCHEDULED
from ephemeral_server.work_pools.job_variables import Job

_JOB = (
    select(
        flow_run.c.state_type,
        deployment.c.id.label("deployment_id"),
        deployment.c.job_variables,
        work_pool.c.base_job_template,
    )
    .select_from(flow_run)
    .outerjoin(deployment, deployment.c.id == flow_run.c.deployment_id)
    .outerjoin(work_queue, work_queue.c.id == deployment.c.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
    .where(flow_run.c.id == bindparam("id"))
)


def read_job(connection: Connection, vault: Vault, id: str) -> Job:
    """What the job of a flow run is made with, beside the variables of the run.

    Raises:
        ObjectNotFoundError: there is no such run, or no such block as the template names.
        ChangeRefusedError: see `check_changeable`.
    """
    row = connection.execute(_JOB, {"id": id}).first()
    if row is None:
        raise ObjectNotFoundError("Flow run not found")
    check_changeable(row.state_type)
    if row.deployment_id is None:
        raise ChangeRefusedError("A deployment for the flow run could not be found")
    return Job.read(connection, vault, row.base_job_template, row.job_variables)


def check_changeable(state_type: str | None) -> None:
    """Make sure that a run has not left its schedule behind.

    Raises:
        ChangeRefusedError: it has, or is in no state.
    """
    if state_type is None:
        raise ChangeRefusedError(
            "Flow run state is required to update job variables but none exists"
        )
    if state_type != SCHEDULED:
        raise ChangeRefusedError(
            f"Job variables for a flow run in state {state_type} cannot be updated"
        )
