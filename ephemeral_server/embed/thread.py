"""Thread mode: a server in a daemon thread of this process, on an event loop of its own.

The loop is a plain asyncio loop made here, whatever policy or patch the process has, and it is
driven here: ``asyncio.run`` and ``uvicorn.Server.run`` are what nest_asyncio replaces, and
fail once it has. The thread never refers to the handle, so a forgotten handle can be collected.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ephemeral_server.embed import sockets
from ephemeral_server.errors import NotRunningError, ShutdownError, StartError

if TYPE_CHECKING:
    from ephemeral_server.embed.serving import ASGIApp, EmbeddedServer
    from ephemeral_server.settings import Settings

T = TypeVar("T")

#: Seconds that a forced end may take beyond the time of a shutdown.
_GRACE = 1.0


class ThreadBackend:
    """One server in one thread (see `Backend`).

    Args:
        settings: of the server; `host` and `port` are used here.
        build: makes the application; called in the server's thread, because importing and
            building it is the longest part of a start, and the start is bounded in time.
    """

    def __init__(self, settings: Settings, build: Callable[[], ASGIApp]) -> None:
        self._settings = settings
        self._build = build
        self._listener: socket.socket | None = None
        self._url = ""
        self._port = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._server: EmbeddedServer | None = None
        self._ready = threading.Event()
        self._serving = False
        self._stop_requested = False
        self._error: BaseException | None = None
        self._phases: list[tuple[str, float]] = []

    def start(self, timeout: float) -> None:
        self._listener = sockets.listen(self._settings.host, self._settings.port)
        self._url = sockets.url_of(self._listener)
        self._port = self._listener.getsockname()[1]
        self._begin_phase("importing and building the application")
        self._thread = threading.Thread(
            target=self._run, name=f"ephemeral-server-{self._port}", daemon=True
        )
        try:
            self._thread.start()
            in_time = self._ready.wait(timeout)
        except BaseException:  # KeyboardInterrupt: the user wants out, and nothing left
            self._end(0.0)
            raise
        if not in_time:
            report = self._report_slow_start(timeout)
            self._end(0.0)
            raise StartError(report)
        if self._error is not None:
            self._end(0.0)
            error = self._error
            raise StartError(
                f"The server could not start, it failed while {self._phases[-1][0]}: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not self._serving:
            self._end(0.0)
            raise StartError(f"The server ended by itself while {self._phases[-1][0]}.")

    def stop(self, timeout: float) -> None:
        if self.on_server_thread():
            raise RuntimeError("a server cannot wait in its own thread for its own end")
        self._end(timeout)
        thread = self._thread
        if thread is not None and thread.is_alive():
            raise ShutdownError(
                f"The server's thread did not end within {timeout + _GRACE:g} s. It is at:\n"
                f"{_stack_of(thread)}"
            )

    def abandon(self) -> None:
        """Close this fork's copies of the listener and of open connections."""
        self._serving = False
        self._loop = None
        self._thread = None
        if self._listener is not None:
            descriptor = self._listener.detach()
            if descriptor >= 0:
                os.close(descriptor)
        server, self._server = self._server, None
        for connection in list(server.server_state.connections) if server is not None else []:
            accepted = connection.transport.get_extra_info("socket")
            if accepted is not None and accepted.fileno() >= 0:
                sockets.close_in_child(accepted.fileno())

    def run_service(self, name: str) -> Any:
        loop, server, thread = self._loop, self._server, self._thread
        if loop is None or server is None or thread is None:
            raise NotRunningError(_ENDED)
        work = server.run_service(name)
        try:
            pending = asyncio.run_coroutine_threadsafe(work, loop)
        except RuntimeError:  # closed since
            work.close()
            raise NotRunningError(_ENDED) from None
        return _await_from(thread, pending)

    @property
    def url(self) -> str:
        return self._url

    @property
    def port(self) -> int:
        return self._port

    @property
    def is_running(self) -> bool:
        return self._serving

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that serves; None before the start and after the end."""
        return self._loop

    def on_server_thread(self) -> bool:
        """Whether this is called in the server's own thread."""
        # Not by its number: the next thread gets the number of one that has ended.
        return threading.current_thread() is self._thread

    # In the calling thread

    def _end(self, timeout: float) -> None:
        """Stop, force what does not stop, and join the thread as far as that is possible."""
        self._stop_requested = True
        thread = self._thread
        if thread is not None and thread.ident is not None:
            self._call(self._request_stop, time.monotonic() + timeout)
            if timeout > 0:
                thread.join(timeout + 0.1)
            if thread.is_alive():
                self._call(self._cut)
                thread.join(_GRACE)
        if thread is None or not thread.is_alive():
            self._close_listener()

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # closed since
                loop.call_soon_threadsafe(function, *args)

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()

    def _report_slow_start(self, timeout: float) -> str:
        now = time.monotonic()
        ends = [began for _, began in self._phases[1:]] + [now]
        spent = "; ".join(
            f"{name}: {end - began:.1f} s"
            for (name, began), end in zip(self._phases, ends, strict=True)
        )
        return (
            f"The server did not start within {timeout:g} s. It was still "
            f"{self._phases[-1][0]} ({spent}). Give it more time with start_timeout=... ; "
            f"its thread is at:\n{_stack_of(self._thread)}"
        )

    # In the server's thread

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # SystemExit too: all of it belongs to the caller
            self._error = error
        finally:
            self._serving = False
            self._close_listener()
            self._ready.set()

    def _serve(self) -> None:
        from ephemeral_server.embed.serving import EmbeddedServer

        app = self._build()
        assert self._listener is not None
        loop = new_loop()
        try:
            server = EmbeddedServer(app, self._begin_phase, self._report_ready)
            self._server = server
            self._main = loop.create_task(server.serve([self._listener]))
            self._loop = loop
            if self._stop_requested:
                self._main.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(self._main)
        finally:
            self._serving = False
            self._loop = None
            self._server = None
            self._main = None
            close_loop(loop)

    def _begin_phase(self, name: str) -> None:
        self._phases.append((name, time.monotonic()))

    def _report_ready(self) -> None:
        self._serving = True
        self._ready.set()

    def _request_stop(self, deadline: float) -> None:
        if self._server is not None:
            self._serving = False
            self._server.stop(deadline)

    def _cut(self) -> None:
        if self._main is not None:
            self._main.cancel()


_ENDED = "The server ended before the service had done its work."


def _await_from(thread: threading.Thread, pending: concurrent.futures.Future[T]) -> T:
    """The result of what a thread's loop works on; if it is not waited for, it is cancelled."""
    try:
        while True:
            # A loop that was stopped before it began to work on it says nothing any more.
            alive = thread.is_alive()
            done, _ = concurrent.futures.wait([pending], 0.5 if alive else 0)
            if done:
                return pending.result()
            if not alive:
                raise NotRunningError(_ENDED)
    except concurrent.futures.CancelledError:
        raise NotRunningError(_ENDED) from None
    except BaseException:
        pending.cancel()
        raise


def new_loop() -> asyncio.AbstractEventLoop:
    """A plain asyncio loop, whatever the process' event loop policy would make."""
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return asyncio.SelectorEventLoop()


def close_loop(loop: asyncio.AbstractEventLoop, timeout: float = _GRACE) -> None:
    """Cancel what still runs on `loop`, finish its generators and its executor, close it.

    Args:
        loop: a loop that is not running.
        timeout: seconds each step may take; what does not end by then is left behind.
    """
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks, timeout=timeout))
        for step in (loop.shutdown_asyncgens(), loop.shutdown_default_executor()):
            with contextlib.suppress(asyncio.TimeoutError):
                loop.run_until_complete(asyncio.wait_for(step, timeout))
    finally:
        loop.close()


def run_on_new_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a loop of its own in this thread; what ``asyncio.run`` does
    until something replaces it.
    """
    loop = new_loop()
    try:
        return loop.run_until_complete(main)
    finally:
        close_loop(loop)


def _stack_of(thread: threading.Thread | None) -> str:
    frame = sys._current_frames().get(thread.ident or 0) if thread is not None else None
    return "".join(traceback.format_stack(frame)) if frame is not None else "(it has ended)"
