"""The handle of a server that lives in this process: what the user holds."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import threading
import weakref
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ephemeral_server.embed import lifetime
from ephemeral_server.embed.session import Session
from ephemeral_server.errors import NotRunningError, WrongLoopError
from ephemeral_server.settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

    from fastapi import FastAPI
    from typing_extensions import Self

    from ephemeral_server.embed.backend import Backend
    from ephemeral_server.embed.serving import Receive, Scope, Send

T = TypeVar("T")


class EphemeralServer:
    """A server with its own temporary data, in a thread (or a child process) of this process.

    Use it with ``with`` or ``async with``, or call `start` and `shutdown`. It also ends when
    this object is collected, when the interpreter exits, and in any case leaves nothing.

    It is an ASGI application too. Served by somebody else before it was started, its life is
    that of the other server's lifespan; started before, it answers there as well.

    Args:
        settings: of the server. None: from the environment.
        build: makes the application from the settings; the whole server's if None.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        build: Callable[[Settings], FastAPI] | None = None,
    ) -> None:
        self._settings = Settings.load(ephemeral=True) if settings is None else settings
        self._build = _build_whole_server if build is None else build
        self._session: Session | None = None
        self._lock = threading.RLock()
        self._finalizer: weakref.finalize[..., EphemeralServer] | None = None

    # What it is

    @property
    def url(self) -> str:
        """``http://host:port`` of the server."""
        return self._backend().url

    @property
    def api_url(self) -> str:
        """Where the API answers: what ``PREFECT_API_URL`` has to be."""
        return self._running().env["PREFECT_API_URL"]

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._backend().port

    @property
    def env(self) -> dict[str, str]:
        """The variables by which a client in another process finds this server."""
        return self._running().env

    @property
    def database_url(self) -> str:
        """The database, as SQLAlchemy names it. The file is deleted at the end."""
        return str(self._open().settings.database_url)

    @property
    def directory(self) -> Path:
        """The temporary directory of this server, deleted at its end."""
        return self._open().directory

    @property
    def settings(self) -> Settings:
        """The settings as they were given, without the secret and the database made for it."""
        return self._settings

    @property
    def started_at(self) -> datetime | None:
        """When it began to serve (UTC); None before."""
        return self._session.started_at if self._session is not None else None

    @property
    def is_running(self) -> bool:
        """Whether requests are answered now."""
        return self._session is not None and self._session.is_running

    @property
    def app(self) -> FastAPI:
        """The FastAPI application that is served; built if the server was not started yet.

        Raises:
            NotRunningError: the server runs in a child process, which has the application.
        """
        if self._settings.mode == "process":
            raise NotRunningError(
                "With mode='process' the application lives in the child process, not here. Talk "
                "to it at .url, or use mode='thread'."
            )
        return self._prepared().application()

    # Its life

    def start(self) -> Self:
        """Serve, and point the Prefect client here unless ``activate=False`` was set.

        Does nothing if it runs already. After `shutdown` a new life begins, with new data.

        Raises:
            PortInUseError: the address is taken.
            StartError: it could not start, or not within `start_timeout`; the cause is chained,
                and nothing is left behind.
        """
        if self._serve() and self._settings.activate:
            self.activate()
        return self

    def shutdown(self, timeout: float | None = None) -> None:
        """End the server: point the client back, let requests and queued events finish, close
        the database, delete the directory. May be called from any thread, and again.

        Args:
            timeout: seconds this may take, then open requests are cut off; None: the setting
                `shutdown_timeout`.

        Raises:
            WrongLoopError: called on the server's own loop, which would wait for itself.
            ShutdownError: its thread or process did not end even when it was forced to.
        """
        session = self._session
        if session is not None:
            session.close(self._settings.shutdown_timeout if timeout is None else timeout)

    async def ashutdown(self, timeout: float | None = None) -> None:
        """`shutdown` without blocking the running event loop.

        Args:
            timeout: as for `shutdown`.
        """
        await _in_helper_thread(lambda: self.shutdown(timeout))

    def activate(self) -> None:
        """Point the Prefect client of this process, and child processes, at this server."""
        self._running().activate()

    def deactivate(self) -> None:
        """Point the Prefect client back to where it was. Does nothing if it is not here."""
        session = self._session
        if session is not None and not session.is_abandoned:
            session.deactivate(self._settings.shutdown_timeout)

    def run(
        self, awaitable: Awaitable[T], *, nested: bool = False, timeout: float | None = None
    ) -> T:
        """Wait for an awaitable, also in a notebook cell, where an event loop runs already.

        It runs on a loop of its own in a helper thread, with a copy of the caller's context.

        Args:
            awaitable: a coroutine, for example of the Prefect client.
            nested: run it on the loop that runs here instead, for what belongs to that loop (a
                client opened in an earlier cell). This patches asyncio with nest_asyncio.
            timeout: seconds it may take.

        Raises:
            TimeoutError: it took longer, and was cancelled.
            WrongLoopError: it cannot run where it was asked for; the message says how it can.
            NotRunningError: the server does not run.
        """
        from ephemeral_server.embed import running

        try:
            thread = self._running().thread()
            if thread is not None and thread.on_server_thread():
                raise WrongLoopError(
                    "run() was called on the server's own event loop, which cannot serve while "
                    "it waits. Await the awaitable instead."
                )
        except BaseException:
            running.close_unused(awaitable)
            raise
        run = running.run_nested if nested else running.run_in_thread
        return run(awaitable, timeout)

    def run_service(self, name: str) -> Any:
        """Let a service do now what there is to do, whether services run here or not.

        Args:
            name: of the service; ``ephemeral-server services`` lists them.

        Returns:
            what it did: the result of the ``run_once`` of its module in `services`.

        Raises:
            UnknownServiceError: there is no such service.
            WrongLoopError: called on the server's own loop, which would wait for itself.
            NotRunningError: the server does not run, or ended meanwhile.
            ServiceError: it failed in the server's process; a server in a thread raises the
                error itself.
        """
        from ephemeral_server.services.registry import find_service

        session = self._running()
        find_service(name)
        thread = session.thread()
        if thread is not None and thread.on_server_thread():
            raise WrongLoopError(
                "run_service() was called on the server's own event loop, which cannot run the "
                "service while it waits. Call it from another thread."
            )
        return self._backend().run_service(name)

    async def arun_service(self, name: str) -> Any:
        """`run_service` without blocking the running event loop.

        Args:
            name: of the service.
        """
        return await _in_helper_thread(lambda: self.run_service(name))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()

    async def __aenter__(self) -> Self:
        # If this is cancelled the start goes on in its thread, but what comes of it must not stay.
        started = await _in_helper_thread(self._serve, if_cancelled=self.shutdown)
        if started and self._settings.activate:
            self.activate()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.ashutdown()

    # As an application, and in a notebook

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from ephemeral_server.embed import bridge

        session = self._session
        thread = session.thread() if session is not None and session.is_running else None
        loop = thread.loop if thread is not None else None
        if session is not None and loop is not None:
            if scope["type"] == "lifespan":
                await bridge.sit_through_lifespan(receive, send)
            else:
                await bridge.call_across(session.application(), loop, scope, receive, send)
            return
        app = self.app
        try:
            await app(scope, receive, send)
        finally:
            if scope["type"] == "lifespan":
                self.shutdown()

    def __repr__(self) -> str:
        return f"<EphemeralServer {self._describe()}>"

    def _repr_html_(self) -> str:
        from ephemeral_server.embed.display import html

        return html(self)

    # Inside

    def _serve(self) -> bool:
        """Start what is not running; whether that was necessary."""
        self._check_not_forked()
        with self._lock:
            if self.is_running:
                return False
            self._prepared().start()
            return True

    def _prepared(self) -> Session:
        """The session that is open, or a new one."""
        self._check_not_forked()
        with self._lock:
            session = self._session
            if session is None or session.is_closed:
                session = self._session = Session(self._settings, self._build)
                if self._finalizer is not None:
                    self._finalizer.detach()
                self._finalizer = weakref.finalize(
                    self, lifetime.close_in_background, session, self._settings.shutdown_timeout
                )
                self._finalizer.atexit = False  # `lifetime` ends all of them, in bounded time
            return session

    def _open(self) -> Session:
        """The session, if it has a directory now."""
        self._check_not_forked()
        if self._session is None or self._session.is_closed:
            raise NotRunningError(self._why_not())
        return self._session

    def _running(self) -> Session:
        self._check_not_forked()
        if self._session is None or not self._session.is_running:
            raise NotRunningError(self._why_not())
        return self._session

    def _backend(self) -> Backend:
        backend = self._running().backend
        assert backend is not None
        return backend

    def _check_not_forked(self) -> None:
        if self._session is not None and self._session.is_abandoned:
            raise NotRunningError(
                "This server belongs to the parent of this forked process and cannot be used "
                "through the handle here. The client reaches it by PREFECT_API_URL; for a "
                "server of this process call ephemeral()."
            )

    def _why_not(self) -> str:
        if self._session is None:
            return "The server has not been started. Use it in a with block, or call start()."
        if self._session.is_closed:
            return "The server has been shut down. Call start() for a new one, with new data."
        return "The server is not running: it is starting, is ending, or its process has died."

    def _describe(self) -> str:
        """Where, in which state, and what runs: one line."""
        session, settings = self._session, self._settings
        runs = "API and services" if settings.runs_services else "API"
        place = "child process" if settings.mode == "process" else "thread"
        if session is not None and session.is_running:
            return f"{self.url} running in a {place}: {runs}"
        if session is not None and session.is_abandoned:
            return "of the parent process, not usable in this fork"
        state = "shut down" if session is not None and session.is_closed else "not started"
        return f"{state}: {runs}"


def ephemeral(settings: Settings | None = None, **overrides: Any) -> EphemeralServer:
    """A new server of its own, started when it is entered with ``with`` or by ``.start()``.

    Args:
        settings: of the server. None: from the environment.
        **overrides: single settings by name, for example ``port=4200``, ``auth=True``,
            ``mode="process"`` or ``activate=False``.

    Raises:
        SettingsError: an unknown name or an unusable value.
    """
    if settings is None:
        return EphemeralServer(Settings.load(**{"ephemeral": True, **overrides}))
    known = {field.name for field in dataclasses.fields(settings)}
    if overrides.keys() - known:
        Settings.load({}, **overrides)  # says which is unknown
    return EphemeralServer(settings.replace(**{"ephemeral": True, **overrides}))


def _build_whole_server(settings: Settings) -> FastAPI:
    from ephemeral_server.application import build_app

    return build_app(settings)


async def _in_helper_thread(
    work: Callable[[], T], if_cancelled: Callable[[], None] | None = None
) -> T:
    """The result of `work` in a thread of its own: the loop's executor may be busy or closed.

    Args:
        work: goes on to its end also if the waiting task is cancelled.
        if_cancelled: what to do after it in that case.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    outcome.set_running_or_notify_cancel()  # from here on a cancelled waiter does not cancel it

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # whatever it is, it belongs to who awaits
            outcome.set_exception(error)

    def clean_up() -> None:
        if if_cancelled is not None and outcome.exception() is None:
            if_cancelled()

    _start_thread(run)
    try:
        return await asyncio.wrap_future(outcome)
    except asyncio.CancelledError:
        _start_thread(clean_up)
        raise


def _start_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="ephemeral-server-helper", daemon=True).start()
