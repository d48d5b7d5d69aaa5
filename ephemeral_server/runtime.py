"""What one running server holds, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from ephemeral_server.admin.storage import DefaultResultStorage
from ephemeral_server.clock import Clock, SystemClock
from ephemeral_server.database import Database, open_database
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.events.bus import EventBus
from ephemeral_server.events.persister import EventPersister
from ephemeral_server.events.recorder import TaskRunRecorder
from ephemeral_server.http.csrf import CsrfTokens
from ephemeral_server.http.websockets import handshake
from ephemeral_server.live import Feed
from ephemeral_server.logs.wire import live_message
from ephemeral_server.settings import Settings
from ephemeral_server.task_workers.workers import TaskWorkers

if TYPE_CHECKING:
    from ephemeral_server.services.running import Services
    from ephemeral_server.workers.channel.hub import WorkerChannels

#: Seconds that clients are given to read that their WebSocket ends.
CLOSING_SECONDS = 0.5


class Stream(Protocol):
    """An open WebSocket that the server can end."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


class Runtime:
    """The living parts of one server, bound to the event loop that started it.

    Args:
        temporary: the database is deleted with the server.

    Attributes:
        settings: of this server.
        clock: where everything in this server reads the time.
        database: open from `start` to `stop`.
        bus: carries events from those who publish to those who consume.
        live_logs: hands out logs to those who watch, see `ephemeral_server.logs.wire`.
        csrf: makes and checks CSRF tokens.
        result_storage: where results go by default.
        vault: seals what is secret before it is stored.
        task_workers: who of them is connected.
    """

    database: Database

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        csrf: CsrfTokens | None = None,
        *,
        temporary: bool = False,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.bus = EventBus(self.clock, settings.maximum_event_bytes)
        self.live_logs = Feed(live_message)
        self.csrf = csrf or CsrfTokens.random(settings.csrf_token_seconds, self.clock)
        self.result_storage = DefaultResultStorage(self.clock)
        self.vault = Vault(settings, temporary=temporary)
        self.task_workers = TaskWorkers(self.clock)
        self._streams: set[Stream] = set()
        self._persister: EventPersister | None = None
        self._recorder: TaskRunRecorder | None = None
        self._services: Services | None = None
        self._worker_channels: WorkerChannels | None = None

    async def start(self) -> None:
        """Open the database, start the consumers of events and, if they are to run, the services.

        Raises:
            SettingsError, SchemaMismatchError: see `open_database`. Nothing is left open.
        """
        self.database = await open_database(self.settings, self.clock, self.bus.publish)
        self.result_storage.watch(self.database.notices)
        self._recorder = TaskRunRecorder(self.database)
        self._persister = EventPersister(self.database)
        self.bus.subscribe(self._recorder)
        self.bus.subscribe(self._persister)
        if self.settings.runs_services:
            self._all_services().start()

    async def stop(self) -> None:
        """End the services, write the queued events to the database and close it."""
        await self.close_streams()
        if self._services is not None:
            await self._services.stop()
        await self.drain()
        for consumer in (self._recorder, self._persister):
            if consumer is not None:
                await consumer.stop()
        await self.database.close()

    async def drain(self) -> None:
        """Return once every event published so far is in the database."""
        for consumer in (self._recorder, self._persister):
            if consumer is not None:
                await consumer.drain()

    async def run_service(self, name: str) -> Any:
        """Let a service do now what there is to do, whether services run here or not.

        Args:
            name: of the service, see `services.registry`.

        Returns:
            what it did: the result of its ``run_once``.

        Raises:
            UnknownServiceError: there is no such service.
        """
        return await self._all_services().run_once(name)

    def _all_services(self) -> Services:
        if self._services is None:
            from ephemeral_server.services.running import Services  # seldom needed

            self._services = Services(self.database, self.settings)
        return self._services

    @property
    def worker_channels(self) -> WorkerChannels:
        """The workers that are connected."""
        if self._worker_channels is None:
            from ephemeral_server.workers.channel.hub import WorkerChannels  # seldom needed

            self._worker_channels = WorkerChannels(self.database, self.settings)
        return self._worker_channels

    def watch(self, stream: Stream) -> None:
        """Close `stream` when the server ends; give it back with `unwatch`."""
        self._streams.add(stream)

    def unwatch(self, stream: Stream) -> None:
        """The stream is over."""
        self._streams.discard(stream)

    async def close_streams(self) -> None:
        """End the open WebSockets with 1012 (service restart)."""
        streams, self._streams = self._streams, set()
        closing = [stream.close(1012, "Server is shutting down") for stream in streams]
        closed = asyncio.gather(*closing, return_exceptions=True)
        with contextlib.suppress(asyncio.TimeoutError):  # who does not read cannot be told
            await asyncio.wait_for(closed, CLOSING_SECONDS)


def runtime_of(connection: HTTPConnection) -> Runtime:
    """The running server that a request or WebSocket belongs to."""
    runtime: Runtime = connection.app.state.runtime
    return runtime


async def converse(
    websocket: WebSocket,
    with_client: Callable[[WebSocket, Runtime], Awaitable[None]],
    *,
    legacy: bool = True,
    refusal: str | None = None,
) -> None:
    """Greet a Prefect client and talk to it; the connection is closed when the server ends.

    Args:
        websocket: as the route got it.
        with_client: what follows the greeting.
        legacy, refusal: how to greet, see `http.websockets.handshake`.
    """
    runtime = runtime_of(websocket)
    secret = runtime.settings.auth_string
    if not await handshake(websocket, secret, legacy=legacy, refusal=refusal):
        return
    runtime.watch(websocket)
    try:
        await with_client(websocket, runtime)
    finally:
        runtime.unwatch(websocket)
