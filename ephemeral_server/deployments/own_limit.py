"""The concurrency limit that is a deployment's own.

It is called after the deployment and lives no longer than that. A deployment may also be linked
to a limit that others share; that one is never changed or deleted from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Text, and_, bindparam, cast, delete, literal, select, update

from ephemeral_server.database.operators import Clause
from ephemeral_server.database.tables import concurrency_limit, deployment
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.limits.creation import create_limit

if TYPE_CHECKING:  # flows, too, look in here, and need no shapes of deployments for that
    from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentUpdate

_PREFIX = "deployment:"
_C = concurrency_limit.c
_BY_NAME = select(_C.id).where(_C.name == bindparam("limit_name"))
_RESIZE = (
    update(concurrency_limit)
    .where(_C.name == bindparam("limit_name"), _C.slots != bindparam("size"))
    .values(slots=bindparam("size"), updated=bindparam("now"))
)


def _set_own_limit(tx: Transaction, deployment_id: str, slots: int) -> str:
    """Give a deployment a limit of its own of so many slots; the id of the limit."""
    name = _PREFIX + deployment_id
    row = create_limit(tx, name, slots)
    if row is not None:
        return str(row["id"])
    tx.connection.execute(_RESIZE, {"limit_name": name, "size": slots, "now": tx.now()})
    return str(tx.connection.scalars(_BY_NAME, {"limit_name": name}).one())


def limit_columns(
    tx: Transaction, deployment_id: str, body: DeploymentCreate | DeploymentUpdate
) -> dict[str, Any]:
    """The column ``concurrency_limit_id``, if a body says anything about it.

    A limit of the deployment's own is made, changed or deleted as the body asks.
    """
    given = body.model_fields_set
    linked = body.global_concurrency_limit_id
    if body.concurrency_limit is not None:
        return {"concurrency_limit_id": _set_own_limit(tx, deployment_id, body.concurrency_limit)}
    if "concurrency_limit" in given:
        own = and_(_C.name == _PREFIX + deployment_id, _C.id.is_distinct_from(_text(linked)))
        tx.connection.execute(delete(concurrency_limit).where(own))
    if not given.isdisjoint({"concurrency_limit", "global_concurrency_limit_id"}):
        return {"concurrency_limit_id": _text(linked)}
    return {}


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def delete_own_limits(tx: Transaction, where: Clause) -> None:
    """Delete the limits that are deployments' own.

    Args:
        where: which deployments; they must still be there.
    """
    names = select(literal(_PREFIX) + cast(deployment.c.id, Text)).where(where)
    tx.connection.execute(delete(concurrency_limit).where(_C.name.in_(names)))


def check_limit(tx: Transaction, body: DeploymentCreate | DeploymentUpdate) -> None:
    """Make sure that the limit which a body links to is there.

    Raises:
        ObjectNotFoundError: it is not.
    """
    linked = body.global_concurrency_limit_id
    if linked is None:
        return
    if tx.connection.execute(select(_C.id).where(_C.id == str(linked))).first() is None:
        raise ObjectNotFoundError("Concurrency limit not found")
