"""The loop around a service: one pass, a pause, and again, until the server ends.

Notices may end a pause before its time, see `ephemeral_server.database.notices`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from ephemeral_server.database import Database, Transaction
from ephemeral_server.services.registry import Service
from ephemeral_server.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

#: Seconds between the passes of a service that keeps failing, unless its period is longer.
LONGEST_PAUSE = 60.0


class ServiceLoop:
    """One service of one server: every period, and by hand; never two passes at a time.

    The pauses are of real time; what a pass does depends on the server's clock.

    Attributes:
        passes: how many have ended well.
        failures: how many have failed since.
    """

    def __init__(self, service: Service, database: Database, settings: Settings) -> None:
        self.service = service
        self.passes = 0
        self.failures = 0
        self._database = _WholeUnits(database)
        self._settings = settings
        self._period: float = getattr(settings, service.period)
        self._turn = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with a pass at once."""
        if self.service.woken_by is not None:
            self._database.notices.listen(self.service.woken_by, self._want)
        self._task = asyncio.create_task(self._run(), name=f"service {self.service.name}")

    async def stop(self) -> None:
        """End it; a unit of work that has begun is finished, a longer pass is left there."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def run_once(self) -> Any:
        """What one pass does, after the one that is at work."""
        async with self._turn:
            done = await self.service.run_once(self._database, self._settings)
            self.passes += 1
            self.failures = 0
            return done

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.run_once()
            except Exception:  # whatever it is, the next pass may do better
                self.failures += 1
                logger.exception(
                    "A pass of service %s failed; the next is in %g s.",
                    self.service.name,
                    self._pause(),
                )
            await self._rest()

    async def _rest(self) -> None:
        """Wait until it is time for the next pass or, unless this one failed, for a notice."""
        if self.failures:
            await asyncio.sleep(self._pause())
            return
        timer = asyncio.get_running_loop().call_later(self._pause(), self._wanted.set)
        try:
            await self._wanted.wait()
        finally:
            timer.cancel()

    def _want(self, subject: str) -> None:
        self._wanted.set()

    def _pause(self) -> float:
        """The period; twice as long after each failure."""
        doubled = self._period * 2.0 ** min(self.failures, 20)
        return max(self._period, min(doubled, LONGEST_PAUSE))


class _WholeUnits:
    """A database whose writes, once handed in, are finished before who awaits them is cancelled.

    So what a service did when it was stopped is known, and told by its events, before the server
    goes on to end.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.notices = database.notices

    @property
    def url(self) -> str:
        return self._database.url

    @property
    def dialect(self) -> str:
        return self._database.dialect

    def now(self) -> int:
        return self._database.now()

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._database.read(work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        unit = asyncio.ensure_future(self._database.write(work, *args, **kwargs))
        try:
            return await asyncio.shield(unit)
        except asyncio.CancelledError:
            await asyncio.wait([unit])
            if not unit.cancelled():
                unit.exception()  # nobody else will ask for it
            raise

    async def close(self) -> None:
        await self._database.close()
