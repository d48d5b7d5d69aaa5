"""uvicorn for a server that lives in a thread: what runs on the server's event loop.

uvicorn's own `Server` asks every 0.1 s whether it should stop, sleeps another 0.1 s while
it stops, waits for ever for an open WebSocket, and turns a failing application into
``sys.exit(3)`` and a log line. Here stopping is an event, has a deadline, and the
application's error reaches whoever started the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

import uvicorn

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("ephemeral_server.embed")

#: Of the time for a shutdown, the part that open requests may use; the rest is the database's.
_REQUESTS_SHARE = 0.6

#: Seconds that a shutdown waits for the rest of a request that is on its way in.
_ARRIVAL_SECONDS = 0.25

#: Turns of the loop from accepting a connection to uvicorn's knowing of it (three), and some.
_ACCEPT_TURNS = 6

#: Seconds for the application to end when there is no time left.
_LAST_SECONDS = 0.25


def configuration(app: ASGIApp) -> uvicorn.Config:
    """uvicorn's settings for a server inside somebody else's process."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        ws="websockets-sansio",
        ws_ping_interval=None,  # a process busy for 20 s is no dead peer, and TCP knows those
        ws_per_message_deflate=False,
        workers=1,  # not WEB_CONCURRENCY, which is meant for others
        proxy_headers=False,
        timeout_keep_alive=75,  # longer than clients keep idle connections: no race at reuse
    )
    # As an argument this would take the handlers from the access logger of the user's servers.
    config.access_log = False
    config.load()
    config.lifespan_class = Lifespan
    return config


class EmbeddedServer(uvicorn.Server):
    """Serves `app` until `stop` is called.

    Args:
        app: the application.
        on_phase: called with what the server begins to do.
        on_ready: called when requests are served.
    """

    def __init__(
        self,
        app: ASGIApp,
        on_phase: Callable[[str], None],
        on_ready: Callable[[], None],
    ) -> None:
        super().__init__(configuration(app))
        self._app = app
        self._on_phase = on_phase
        self._on_ready = on_ready
        self._stopping = asyncio.Event()
        self._deadline = 0.0

    def stop(self, deadline: float) -> None:
        """Begin the shutdown. To be called on the server's loop.

        Args:
            deadline: the instant of `time.monotonic` when it must have ended.
        """
        if not self._stopping.is_set():
            self._deadline = deadline
            self.should_exit = True
            self._stopping.set()

    async def run_service(self, name: str) -> Any:
        """What one pass of a service of the application does, see `Runtime.run_service`."""
        return await _runtime(self._app).run_service(name)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve `sockets` until told to stop; raises what the application raises."""
        try:
            await super().serve(sockets)
        finally:
            # Reached with a lifespan that is still open only if serving failed.
            lifespan = getattr(self, "lifespan", None)
            if lifespan is not None:
                await _bounded(lifespan.shutdown(), _LAST_SECONDS)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_phase("starting the application (opening its database)")
        await super().startup(sockets)
        self._on_phase("serving")
        self._on_ready()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # keeps the Date header right
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._stop_accepting()
        for sock in sockets or []:
            sock.close()
        share = _until(self._deadline) * _REQUESTS_SHARE
        await self._finish_requests(time.monotonic() + share)
        await _bounded(self.lifespan.shutdown(), max(_LAST_SECONDS, _until(self._deadline)))

    async def _stop_accepting(self) -> None:
        """Refuse new connections; one that was just accepted becomes known first.

        asyncio loses a connection, open, if its listener closes a turn of the loop too early.
        """
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for listener in server.sockets:
                with contextlib.suppress(NotImplementedError):  # the loop of Windows
                    loop.remove_reader(listener.fileno())
        for _ in range(_ACCEPT_TURNS):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()

    async def _finish_requests(self, deadline: float) -> None:
        """Close streams and idle connections, let requests end until `deadline`, then cut."""
        state = self.server_state
        await self._close_streams(deadline)
        for connection in list(state.connections):
            try:
                connection.shutdown()
            except Exception:  # uvicorn cannot end a WebSocket whose handshake was malformed
                connection.transport.abort()
        if state.tasks:
            arrival = min(_until(deadline), _ARRIVAL_SECONDS)
            await asyncio.wait(set(state.tasks), timeout=arrival)
            self._drop_half_requests()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=_until(deadline))
        if state.tasks:
            running = set(state.tasks)
            logger.warning("%d requests were cut off by the shutdown.", len(running))
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=max(0.1, _until(deadline)))
        await self._drop_connections(deadline)

    def _drop_half_requests(self) -> None:
        """Hang up on clients that have not sent their request to its end: nobody works on it."""
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and cycle.more_body and not cycle.response_complete:
                connection.transport.abort()

    async def _close_streams(self, deadline: float) -> None:
        """Have the application end its open WebSockets and endless answers."""
        close = getattr(_runtime(self._app), "close_streams", None)
        if close is None:
            return
        try:
            await asyncio.wait_for(close(), _until(deadline))
        except Exception:  # a stream that fails to close must not keep the database open
            logger.warning("Open streams could not be closed in order.", exc_info=True)

    async def _drop_connections(self, deadline: float) -> None:
        """Wait until every closing connection has sent its last bytes, at most to `deadline`."""
        pause = 0.0
        while self.server_state.connections and time.monotonic() < deadline:
            await asyncio.sleep(pause)
            pause = min(0.02, pause * 2 or 0.0005)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


class Lifespan:
    """The application's start-up and shutdown, with its own errors (uvicorn's logs them)."""

    def __init__(self, config: uvicorn.Config) -> None:
        self.state: dict[str, Any] = {}
        self.should_exit = False
        self._app = config.loaded_app
        self._task: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._failure = ""

    async def startup(self) -> None:
        """Start the application.

        Raises:
            BaseException: what its start-up raised.
        """
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._app(scope, self._inbox.get, self._send))
        try:
            await self._ask("lifespan.startup")
        except BaseException:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait({task})
            raise

    async def shutdown(self) -> None:
        """Shut the application down, once; an error of its own is logged."""
        if self._task is None:
            return
        try:
            await self._ask("lifespan.shutdown")
        except Exception:  # the server ends all the same; the user has to know why data may miss
            logger.exception("The application failed to shut down.")
        finally:
            task, self._task = self._task, None
            task.cancel()

    async def _ask(self, phase: str) -> None:
        assert self._task is not None
        self._answered.clear()
        self._inbox.put_nowait({"type": phase})
        answered = asyncio.ensure_future(self._answered.wait())
        try:
            await asyncio.wait({answered, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answered.cancel()
        if self._task.done() and not self._task.cancelled():
            error = self._task.exception()
            if error is not None:
                raise error
        if self._failure or not self._answered.is_set():
            raise RuntimeError(self._failure or f"The application did not answer to {phase!r}.")

    async def _send(self, message: Message) -> None:
        if message["type"].endswith(".complete"):
            self._answered.set()
        else:  # '.failed': what the application raises next says more than the message
            self._failure = message.get("message") or f"The application said {message['type']!r}."


def _runtime(app: ASGIApp) -> Any:
    """What the running application keeps in ``app.state.runtime``; None if it keeps nothing."""
    return getattr(getattr(app, "state", None), "runtime", None)


async def _bounded(shutdown: Coroutine[Any, Any, None], seconds: float) -> None:
    try:
        await asyncio.wait_for(shutdown, seconds)
    except asyncio.TimeoutError:
        logger.warning("The application did not shut down in its time and was cut off.")


def _until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
