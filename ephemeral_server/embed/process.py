"""A server in a child process: the way out for a program that keeps Python's lock busy.

The parent binds the socket, so it knows the address before the child exists and "address in
use" is raised where the caller stands. The child inherits the socket, gets its settings through
its standard input (secrets are never in its arguments) and reports through its standard output,
line by line as JSON. While the parent lives it keeps the standard input open: its end, for
whatever reason, is the child's order to stop.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from ephemeral_server.embed.reports import Reports
from ephemeral_server.embed.sockets import close_in_child, listen, url_of
from ephemeral_server.errors import NotRunningError, ShutdownError, StartError
from ephemeral_server.services.registry import find_service
from ephemeral_server.settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from ephemeral_server.embed.handle import EphemeralServer


class ProcessBackend:
    """A `Backend` whose server is a child process. It ends when its parent ends in any way.

    Args:
        settings: of the server, with its database.
        directory: the server's temporary directory. If the parent dies, and its lock with it,
            the child deletes it.
    """

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._settings = settings
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._reports: Reports | None = None
        self._url: str | None = None

    def start(self, timeout: float) -> None:
        """Start the child and wait until it serves, see `Backend.start`."""
        deadline = time.monotonic() + timeout
        listener = listen(self._settings.host, self._settings.port)
        try:
            self._url = url_of(listener)
            self._process = process = _spawn(listener)
            self._reports = reports = Reports(process)
            _tell(process, self._first_order(process, listener))
            reports.await_ready(deadline, timeout)
        except BaseException:
            self._force()
            raise
        finally:
            # From now on the port lives and dies with the child alone.
            listener.close()

    def stop(self, timeout: float) -> None:
        """Ask the child to end, and end it by force after `timeout` seconds, see `Backend.stop`."""
        if self._process is None or self._reports is None:
            return
        with contextlib.suppress(OSError):  # It may have ended by itself.
            _tell(self._process, {"stop": timeout})
        _close(self._process.stdin)
        self._reports.ended.wait(timeout + _GRACE)
        self._force()

    def run_service(self, name: str) -> Any:
        process, reports = self._process, self._reports
        if process is None or reports is None:
            raise NotRunningError("The server's process has ended.")
        service = find_service(name)
        number, answer = reports.expect_answer()
        with contextlib.suppress(OSError, ValueError):  # It has ended, and the answer says so.
            _tell(process, {"service": name, "answer": number})
        did = answer.result()
        return getattr(import_module(service.module), did["kind"])(**did["did"])

    def abandon(self) -> None:
        """Let go of the child in a forked process, see `Backend.abandon`."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                close_in_child(pipe.fileno())
        process.returncode = 0  # It is the parent's to wait for; Popen would warn about it here.

    @property
    def url(self) -> str:
        if self._url is None:
            raise NotRunningError("The server has no address yet: it has not been started.")
        return self._url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int | None:
        """The process number of the child, None if there is none."""
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        process, reports = self._process, self._reports
        return (
            process is not None
            and reports is not None
            and not reports.ended.is_set()
            and process.poll() is None
        )

    def _first_order(
        self, process: subprocess.Popen[bytes], listener: socket.socket
    ) -> dict[str, Any]:
        return {
            "settings": dataclasses.asdict(self._settings),
            "directory": str(self._directory),
            "parent": os.getpid(),
            **_shared(listener, process.pid),
        }

    def _force(self) -> None:
        """Leave nothing of the child; kill it if it has not ended by itself."""
        process, reports = self._process, self._reports
        if process is None:
            return
        _close(process.stdin)
        if reports is None or not reports.ended.is_set():
            process.kill()
        try:
            process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            raise ShutdownError(
                f"The server's process {process.pid} did not end within {_KILL_SECONDS:g} s "
                "after it was killed."
            ) from None
        if reports is not None:
            reports.join()
        _close(process.stdout)
        self._process = None


class SubprocessASGIServer:
    """A server in a child process that belongs to a port: one instance a port.

    ``SubprocessASGIServer(4200)`` is the same object wherever it is written, until `stop`;
    ``SubprocessASGIServer()`` is the one whose port the system chooses. Unlike
    ``ephemeral(mode="process")`` it does not point the client of this process at itself.

    Args:
        port: the port to listen on; None lets the system choose when the server is started.
    """

    _instances: ClassVar[dict[int | None, SubprocessASGIServer]] = {}

    _key: int | None
    _server: EphemeralServer | None
    _lock: threading.Lock

    def __new__(cls, port: int | None = None) -> Self:
        made = super().__new__(cls)
        made._key = port
        made._server = None
        made._lock = threading.Lock()
        # One atomic step, so that two threads get the same instance; of which class the instances
        # are, a class attribute cannot say.
        return cls._instances.setdefault(port, made)  # type: ignore[return-value]

    def start(self, timeout: float | None = None) -> None:
        """Start the server; return when it serves. Does nothing if it is running already.

        Args:
            timeout: seconds this may take; the setting ``start_timeout`` if None.

        Raises:
            PortInUseError: the port is taken. Another one is never chosen instead, and another
                server at this port is never mistaken for this one.
            StartError: anything else went wrong; nothing is left behind.
        """
        from ephemeral_server.embed import ephemeral

        with self._lock:
            if self.running:
                return
            given: dict[str, Any] = {} if timeout is None else {"start_timeout": timeout}
            port = 0 if self._key is None else self._key
            server = ephemeral(mode="process", port=port, activate=False, **given)
            server.start()
            self._server = server

    def stop(self) -> None:
        """Stop the server. Does nothing if it is not running.

        Raises:
            ShutdownError: the process did not end even when it was killed.
        """
        if self._instances.get(self._key) is self:
            self._instances.pop(self._key, None)
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.shutdown()

    @property
    def running(self) -> bool:
        """Whether requests are answered now."""
        return self._server is not None and self._server.is_running

    @property
    def port(self) -> int:
        """The port that was asked for, else the one the running server listens on.

        Raises:
            NotRunningError: neither is known yet.
        """
        if self._key is not None:
            return self._key
        if self._server is None:
            raise NotRunningError("The system chooses the port of this server: start it first.")
        return self._server.port

    @property
    def address(self) -> str:
        """``http://127.0.0.1:<port>``, see `port`."""
        if self._server is not None and self.running:
            return self._server.url
        return f"http://{Settings.load(ephemeral=True).host}:{self.port}"

    @property
    def api_url(self) -> str:
        """The address with the base path of the API, what ``PREFECT_API_URL`` is to be."""
        if self._server is not None and self.running:
            return self._server.api_url
        return self.address + Settings.load(ephemeral=True).api_base_path

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"running at {self.address}" if self.running else "not running"
        port = "" if self._key is None else f"port={self._key}"
        return f"<SubprocessASGIServer({port}) {state}>"


_GRACE = 1.5
"""Seconds beyond the time it was given after which a child is killed."""

_KILL_SECONDS = 5.0
"""Seconds after which a killed process that is still there will stay."""

_ENTRY = (
    "import sys; sys.path[:] = sys.argv[1:]; from ephemeral_server.embed.child import main; main()"
)
"""What the child runs: the path of the parent's imports first, whatever lies around in the
working directory."""


def _spawn(listener: socket.socket) -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise StartError(
            "Python does not say where its executable is (sys.executable is empty), "
            "so no process can be started. Use mode='thread'."
        )
    options: dict[str, Any]
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    else:
        options = {"pass_fds": [listener.fileno()]}
    # In a session of its own Ctrl-C in the terminal reaches the parent alone, which decides.
    try:
        return subprocess.Popen(
            [sys.executable, "-c", _ENTRY, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            **options,
        )
    except OSError as error:
        raise StartError(f"The server's process could not be made: {error}") from error


def _shared(listener: socket.socket, pid: int) -> dict[str, Any]:
    """How process `pid` gets hold of the socket."""
    if sys.platform == "win32":
        return {"share": base64.b64encode(listener.share(pid)).decode()}
    return {"fd": listener.fileno(), "family": int(listener.family)}


def _tell(process: subprocess.Popen[bytes], order: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(order).encode() + b"\n")


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        pipe.close()
