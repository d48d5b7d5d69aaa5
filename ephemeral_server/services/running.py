"""The services of one server."""

from __future__ import annotations

import asyncio
from typing import Any

from ephemeral_server.database import Database
from ephemeral_server.services.loop import ServiceLoop
from ephemeral_server.services.registry import SERVICES, find_service
from ephemeral_server.settings import Settings


class Services:
    """All services on one database: in loops once they are started, and by hand at any time."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._loops = {
            service.name: ServiceLoop(service, database, settings) for service in SERVICES
        }

    def start(self) -> None:
        """Run each every period."""
        for loop in self._loops.values():
            loop.start()

    async def stop(self) -> None:
        """End the loops."""
        await asyncio.gather(*(loop.stop() for loop in self._loops.values()))

    async def run_once(self, name: str) -> Any:
        """What one pass of a service does.

        Raises:
            UnknownServiceError: there is no such service.
        """
        return await self._loops[find_service(name).name].run_once()
