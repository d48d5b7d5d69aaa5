"""Whether a worker that says hello may serve the pool that it names."""

from __future__ import annotations

import logging
from typing import Any

from ephemeral_server.database import Database
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import DatabaseClosedError, ObjectNotFoundError
from ephemeral_server.fields import storable
from ephemeral_server.work_pools.defaults import check_template_defaults
from ephemeral_server.work_pools.job_variables import check_template
from ephemeral_server.workers.channel.ends import ChannelError, End
from ephemeral_server.workers.channel.frames import Hello
from ephemeral_server.workers.channel.greeting import Greeting, brings_template, greet

logger = logging.getLogger(__name__)


async def admit(database: Database, vault: Vault, pool_name: str, hello: Hello) -> Greeting:
    """Let a worker serve a pool, which is made or completed with what it brings.

    Raises:
        ChannelError: it may not, or cannot just now; nothing has changed.
        DatabaseClosedError: the server ends.
    """
    if storable(pool_name) != pool_name:
        raise ChannelError(End.AUTHORIZATION_FAILED)
    try:
        template = await _template(database, vault, pool_name, hello)
        return await database.write(greet, pool_name, hello, template)
    except (ChannelError, DatabaseClosedError):
        raise
    except ObjectNotFoundError:  # the pool was deleted just now
        raise ChannelError(End.AUTHORIZATION_FAILED) from None
    except Exception as error:
        logger.exception("Worker %r of pool %r was not greeted.", hello.worker_name, pool_name)
        raise ChannelError(End.TRANSIENT_ERROR) from error


async def _template(
    database: Database, vault: Vault, pool_name: str, hello: Hello
) -> dict[str, Any]:
    """The job template that a worker brings for its pool, checked; empty if it brings none."""
    template = hello.default_base_job_template
    if not await database.read(brings_template, pool_name, hello):
        return {}
    try:
        check_template(template)
        await check_template_defaults(database, vault, template)
    except (ValueError, ObjectNotFoundError) as error:
        logger.info("Worker %r brings a bad job template: %s", hello.worker_name, error)
        raise ChannelError(End.PROTOCOL_ERROR) from None
    return template
