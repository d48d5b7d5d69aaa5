"""The blocks that deployments of old clients refer to."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select

from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import block_document
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentUpdate
from ephemeral_server.errors import ConflictError


def check_blocks(tx: Transaction, body: DeploymentCreate | DeploymentUpdate) -> None:
    """Make sure that the blocks which a body names are there.

    Raises:
        ConflictError: one is not.
    """
    infrastructure, storage = body.infrastructure_document_id, body.storage_document_id
    missing = missing_block(tx.connection, infrastructure, storage)
    if missing is None:
        return
    doing = "creating" if isinstance(body, DeploymentCreate) else "updating"
    kind = "infrastructure" if missing == infrastructure else "storage"
    raise ConflictError(
        f"Error {doing} deployment. Could not find {kind} block with id: {missing}. This usually "
        "occurs when applying a deployment specification that was built against a different "
        "Prefect database / workspace."
    )


def missing_block(connection: Connection, *ids: UUID | None) -> UUID | None:
    """The first of these block documents that is not there; None stands for no block."""
    named = [id for id in ids if id is not None]
    if not named:
        return None
    where = is_in(block_document.c.id, [str(id) for id in named], connection.dialect.name)
    found = set(connection.scalars(select(block_document.c.id).where(where)))
    return next((id for id in named if str(id) not in found), None)
