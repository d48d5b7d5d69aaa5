"""The blocks that deployments of old clients refer to."""

from __future__ import annotations

from ephemeral_server.deployments.schemas import DeploymentCreate, DeploymentUpdate
from ephemeral_server.errors import ConflictError


def check_blocks(body: DeploymentCreate | DeploymentUpdate) -> None:
    """Make sure that the blocks which a body names are there.

    Raises:
        ConflictError: one is not.
    """
    doing = "creating" if isinstance(body, DeploymentCreate) else "updating"
    named = {
        "infrastructure": body.infrastructure_document_id,
        "storage": body.storage_document_id,
    }
    for kind, id in named.items():
        if id is not None:  # this server keeps no blocks, so it is unknown
            raise ConflictError(
                f"Error {doing} deployment. Could not find {kind} block with id: {id}. This "
                "usually occurs when applying a deployment specification that was built against "
                "a different Prefect database / workspace."
            )
