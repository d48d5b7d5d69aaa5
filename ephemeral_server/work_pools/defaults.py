"""Whether the defaults of a job template's variables are of use."""

from __future__ import annotations

from typing import Any

from ephemeral_server.database import Database
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import UnprocessableError
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.work_pools.job_variables import (
    JobVariablesError,
    check_defaults,
    defaults_of,
)


async def check_template_defaults(
    database: Database, vault: Vault, template: dict[str, Any]
) -> None:
    """Make sure that the defaults of a template's variables fit what it says of them.

    Raises:
        UnprocessableError: one does not fit, or the variables are not described by a schema.
        ObjectNotFoundError: one names a block that is not there.
    """
    if not template:
        return
    defaults = await database.read(defaults_of, vault, template)
    try:
        await run_aside(check_defaults, template, defaults)
    except JobVariablesError as error:
        raise UnprocessableError(
            f"Validation failed for work pool's job variable defaults: {error}"
        ) from None
