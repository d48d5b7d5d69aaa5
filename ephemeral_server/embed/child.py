"""What runs in the child process of `ephemeral_server.embed.process`.

Orders come in through the standard input, one JSON object a line: the settings first, then
``service`` any number of times, ``stop`` last. Reports go out through the standard output in the
same form: ``phase``, then ``ready`` or ``error``, then an ``answer`` to each service. The process
ends when it is told so, when its input ends, and when its parent dies.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ephemeral_server.embed.serving import EmbeddedServer


def main() -> None:
    """Serve until the parent says otherwise or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair.
    signal.signal(signal.SIGTERM, _raise_terminated)
    orders = _Orders(sys.stdin.fileno())
    first = orders.next()
    if first is None:
        return
    orders.parent = first["parent"]
    serving = _Serving(first, _Reporter())
    order: dict[str, Any] | None = {}
    try:
        serving.start()
        while (order := orders.next()) is not None and "service" in order:
            serving.run_service(order)
    except _Terminated:
        pass
    serving.stop((order or {}).get("stop", first["settings"]["shutdown_timeout"]))
    if order is None:
        _delete_what_the_parent_left(Path(first["directory"]))
    # All is closed. Taking the interpreter apart would only keep the parent waiting, and for
    # ever if the server's thread hangs.
    os._exit(0)


class _Terminated(Exception):
    """Somebody has sent SIGTERM."""


def _raise_terminated(number: int, frame: object) -> None:
    raise _Terminated


class _Reporter:
    """Keeps the standard output for reports; what others print there goes to standard error."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)

    def __call__(self, **said: Any) -> None:
        # The parent may be dead; the main thread knows then what to do.
        with contextlib.suppress(OSError):
            os.write(self._out, json.dumps(said).encode() + b"\n")


class _Orders:
    """The parent's orders, one after the other.

    Attributes:
        parent: its process number, once that is known.
    """

    def __init__(self, pipe: int) -> None:
        self.parent: int | None = None
        self._pipe = pipe
        self._buffered = b""

    def next(self) -> dict[str, Any] | None:
        """Wait for the next order; None if there is none any more, or the parent has died."""
        while b"\n" not in self._buffered:
            if not self._is_told_before_death():
                return None
            chunk = os.read(self._pipe, 65536)
            if not chunk:
                return None
            self._buffered += chunk
        line, _, self._buffered = self._buffered.partition(b"\n")
        order: dict[str, Any] = json.loads(line)
        return order

    def _is_told_before_death(self) -> bool:
        """Wait until there is something to read, its end included, or the parent has died.

        Reading alone would do, were it not for copies of the pipe in processes that the parent
        has forked and that live on after it.
        """
        if sys.platform != "linux" or self.parent is None:
            return True
        try:
            life = os.pidfd_open(self.parent)
        except OSError:
            return True  # An old kernel, or a sandbox that forbids it.
        try:
            if os.getppid() != self.parent:
                return False
            with selectors.DefaultSelector() as selector:
                selector.register(self._pipe, selectors.EVENT_READ)
                selector.register(life, selectors.EVENT_READ)
                return any(key.fd == self._pipe for key, _ in selector.select())
        finally:
            os.close(life)


class _Serving(threading.Thread):
    """The server's thread: the main thread waits for orders, and signals are its affair."""

    def __init__(self, first: dict[str, Any], report: _Reporter) -> None:
        super().__init__(name="ephemeral-server", daemon=True)
        self._first = first
        self._report = report
        self._server: EmbeddedServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ready = False

    def run(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # SystemExit too: the parent is to know all of it
            trace = traceback.format_exc()
            self._report(error=f"{type(error).__name__}: {error}", traceback=trace)
            if self._is_ready:
                sys.stderr.write(trace)  # Nobody waits for the report any more.
            os._exit(1)

    def stop(self, timeout: float) -> None:
        """End the server within `timeout` seconds, or leave it to the end of the process."""
        loop, server = self._loop, self._server
        if loop is None or server is None:
            return  # Still starting: there is nothing yet that must be saved.
        try:
            loop.call_soon_threadsafe(server.stop, time.monotonic() + timeout)
        except RuntimeError:
            return  # The loop has been closed: the server failed and has said so.
        self.join(timeout + 1.0)

    def run_service(self, order: dict[str, Any]) -> None:
        """Let a service do what there is to do, and report what it did."""
        loop, server = self._loop, self._server
        if loop is None or server is None:
            return  # It has failed, and the process is about to end.
        answering = self._answer(server, order)
        try:
            asyncio.run_coroutine_threadsafe(answering, loop)
        except RuntimeError:
            answering.close()

    async def _answer(self, server: EmbeddedServer, order: dict[str, Any]) -> None:
        said: dict[str, Any]
        try:
            did = await server.run_service(order["service"])
        except Exception as error:
            trace = traceback.format_exc()
            said = {"error": f"{type(error).__name__}: {error}", "traceback": trace}
        else:
            said = {"kind": type(did).__name__, "did": dataclasses.asdict(did)}
        self._report(answer=order["answer"], **said)

    def _serve(self) -> None:
        self._report(phase="importing the server")
        from ephemeral_server.application import build_app
        from ephemeral_server.embed.serving import EmbeddedServer
        from ephemeral_server.embed.thread import close_loop, new_loop
        from ephemeral_server.settings import Settings

        self._report(phase="building the application")
        app = build_app(Settings(**self._first["settings"]))
        loop = new_loop()

        async def serve() -> None:
            # Made on the loop, because it holds things that belong to one.
            self._server = EmbeddedServer(app, self._report_phase, self._report_ready)
            self._loop = loop
            await self._server.serve([_inherited_listener(self._first)])

        try:
            loop.run_until_complete(serve())
        finally:
            self._loop = None
            close_loop(loop)

    def _report_phase(self, phase: str) -> None:
        self._report(phase=phase)

    def _report_ready(self) -> None:
        self._is_ready = True
        self._report(ready=True)


def _inherited_listener(first: dict[str, Any]) -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(base64.b64decode(first["share"]))
    # Not every system can tell the protocol of a descriptor, and it must be known to be TCP.
    return socket.socket(
        first["family"], socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=first["fd"]
    )


def _delete_what_the_parent_left(directory: Path) -> None:
    """Its lock on the server's directory goes with it, so a sweep may take the directory."""
    from ephemeral_server.embed.storage import sweep

    # The pipe of a dying process may be closed a moment before its lock is free.
    patience = time.monotonic() + 2.0
    while directory.exists() and time.monotonic() < patience:
        if directory not in sweep(str(directory.parent)):
            time.sleep(0.01)
