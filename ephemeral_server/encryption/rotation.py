"""Sealing everything in a database anew, by a process beside the servers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ephemeral_server.clock import SystemClock
from ephemeral_server.database import open_database
from ephemeral_server.database.opening import parse_url
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import SettingsError
from ephemeral_server.settings import Settings


def rotate_key(settings: Settings) -> int:
    """Seal all secrets of a lasting database anew, see `Vault.rotate`.

    Returns:
        how many block documents there are.

    Raises:
        SettingsError: there is no database.
        EncryptionKeyError: a document cannot be opened; nothing is changed then.
        Others: see `open_database`.
    """
    url = parse_url(settings.database_url)
    # To open it would make one.
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise SettingsError(f"There is no database {url.database!r}.")
    return asyncio.run(_rotate(settings))


async def _rotate(settings: Settings) -> int:
    database = await open_database(settings, SystemClock(), _no_events)
    try:
        return await database.write(Vault(settings).rotate)
    finally:
        await database.close()


def _no_events(events: list[Any]) -> None:
    """Nothing is emitted."""
