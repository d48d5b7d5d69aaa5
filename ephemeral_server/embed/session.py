"""One life of a server: its directory, its application, what runs it, and the client pointed at it.

A session does not know the handle that shows it to the user, so a forgotten handle can be
collected; the open sessions are kept by `lifetime`, which ends them then, and at exit.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ephemeral_server.embed import lifetime, storage
from ephemeral_server.errors import ShutdownError, WrongLoopError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ephemeral_server.embed.activation import Activation
    from ephemeral_server.embed.backend import Backend
    from ephemeral_server.embed.thread import ThreadBackend
    from ephemeral_server.settings import Settings

#: Of the time for a shutdown, the part the client has to deliver its last logs and events.
_CLIENT_SHARE = 0.5

#: Seconds beyond the time of a shutdown that a second caller waits for the first.
_LOCK_GRACE = 3.0


class Session:
    """One life of a server, from its directory to its end.

    Args:
        settings: as the user gave them.
        build: makes the application from the settings.

    Raises:
        StartError: there is no place for its directory.
    """

    def __init__(self, settings: Settings, build: Callable[[Settings], FastAPI]) -> None:
        self._build = build
        self._build_lock = threading.Lock()
        self._app: FastAPI | None = None
        self._stop_lock = threading.RLock()
        self._directory = storage.make_directory(settings.temp_directory)
        self._activation: Activation | None = None
        self.backend: Backend | None = None
        self.started_at: datetime | None = None
        self.is_closed = False
        #: In a forked child: the server is the parent's, and nothing here may be touched.
        self.is_abandoned = False
        self.settings = _complete(settings, self._directory.path)
        lifetime.track(self)

    @property
    def directory(self) -> Path:
        """The temporary directory of this server."""
        return self._directory.path

    @property
    def is_running(self) -> bool:
        """Whether requests are answered now."""
        backend = self.backend
        return not self.is_abandoned and backend is not None and backend.is_running

    @property
    def env(self) -> dict[str, str]:
        """The variables that point a client, also one in another process, at this server."""
        assert self.backend is not None
        env = {"PREFECT_API_URL": self.backend.url + self.settings.api_base_path}
        if self.settings.auth_string is not None:
            env["PREFECT_API_AUTH_STRING"] = self.settings.auth_string
        return env

    def application(self) -> FastAPI:
        """The application, built when first asked for."""
        with self._build_lock:
            if self._app is None:
                self._app = self._build(self.settings)
            return self._app

    def start(self) -> None:
        """Serve. A failure closes the session.

        Raises:
            PortInUseError: the address is taken.
            StartError: it could not start; the cause is chained.
        """
        try:
            self.backend = self._make_backend()
            self.backend.start(self.settings.start_timeout)
            self.started_at = datetime.now(timezone.utc)
            self._directory.write_entry(
                self.backend.url, self.settings.mode, self.started_at.isoformat()
            )
        except BaseException:
            with contextlib.suppress(ShutdownError):  # the failure to start says more
                self.close(0.0)
            raise

    def activate(self) -> None:
        """Point the client of this process here."""
        from ephemeral_server.embed.activation import Activation

        if self._activation is None:
            activation = Activation(self.env)
            activation.apply()
            self._activation = activation

    def deactivate(self, timeout: float) -> None:
        """Point the client back to where it was, after it has delivered what it holds.

        Args:
            timeout: seconds it has for that.
        """
        activation = self._activation
        if activation is not None:
            activation.restore(timeout)
            self._activation = None

    def close(self, timeout: float) -> None:
        """End it all, in order: the client, the server, the directory. Later calls do nothing.

        Args:
            timeout: seconds for open requests and queued work; then they are cut off.

        Raises:
            WrongLoopError: called in the server's own thread, which would wait for itself.
            ShutdownError: the server's thread or process did not end.
        """
        if self.is_closed or self.is_abandoned:
            return
        if self._on_server_thread():
            raise WrongLoopError(
                "shutdown() was called on the server's own event loop, which would wait for "
                "itself. Call it from another thread."
            )
        deadline = time.monotonic() + timeout
        # Others who close it at the same time wait here, and no longer than it may take.
        if not self._stop_lock.acquire(timeout=timeout + _LOCK_GRACE):
            raise ShutdownError("Another thread is still busy with shutting this server down.")
        try:
            if not self.is_closed:
                self._close(deadline)
        finally:
            self._stop_lock.release()

    def abandon(self) -> None:
        """Leave the server to the parent of this forked process, touching no lock."""
        self.is_abandoned = True
        self._directory.abandon()
        if self.backend is not None:
            self.backend.abandon()

    def _close(self, deadline: float) -> None:
        self.deactivate(max(0.0, deadline - time.monotonic()) * _CLIENT_SHARE)
        try:
            if self.backend is not None:
                self.backend.stop(max(0.0, deadline - time.monotonic()))
        finally:
            self._directory.remove()
            self._app = None
            self.is_closed = True
            lifetime.untrack(self)

    def _make_backend(self) -> Backend:
        if self.settings.mode == "process":
            from ephemeral_server.embed.process import ProcessBackend

            return ProcessBackend(self.settings, self.directory)
        from ephemeral_server.embed.thread import ThreadBackend

        return ThreadBackend(self.settings, self.application)

    def _on_server_thread(self) -> bool:
        thread = self.thread()
        return thread is not None and thread.on_server_thread()

    def thread(self) -> ThreadBackend | None:
        """What serves in a thread of this process; None if there is no such thread."""
        if self.backend is None or self.settings.mode == "process":
            return None
        from ephemeral_server.embed.thread import ThreadBackend

        return self.backend if isinstance(self.backend, ThreadBackend) else None


def _complete(settings: Settings, directory: Path) -> Settings:
    """The settings with what is made anew for every server: its database and its secret."""
    if settings.database_url is None:
        file = (directory / "data.db").as_posix()
        settings = settings.replace(database_url=f"sqlite+aiosqlite:///{file}")
    if settings.auth and settings.auth_string is None:
        import secrets

        settings = settings.replace(auth_string=f"ephemeral:{secrets.token_urlsafe(24)}")
    return settings
