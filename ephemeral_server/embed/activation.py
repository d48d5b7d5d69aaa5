"""Points the Prefect client of this process at a server, and back.

The client reads ``PREFECT_API_URL`` and ``PREFECT_API_AUTH_STRING`` from the environment when it
is imported, and child processes inherit them. So the environment is changed always, and the
settings of the client too if it has been imported already. This module never imports it.

The environment is one for the whole process, and so is the stack of live activations here: the
latest one is in force. Removing it puts back what was there before it; removing an earlier one
changes nothing that can be seen.

The client's settings within a ``temporary_settings`` block of the user stay the user's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ephemeral_server.embed import lifetime

VARIABLES = ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")
"""The variables an activation sets, or removes where its server needs none."""

DRAIN_TIMEOUT = 5.0
"""Seconds the client has, unless told otherwise, to deliver what it still holds."""


class Activation:
    """One server that the client is pointed at.

    Args:
        env: the variables that a client of this server needs; only `VARIABLES` are looked at.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._wanted = {name: env.get(name) for name in VARIABLES}
        self._before: dict[str, str | None] = {}

    @property
    def is_active(self) -> bool:
        """Whether `apply` was called and `restore` was not yet; a later one may be in force."""
        return self in _stack

    def apply(self, drain_timeout: float = DRAIN_TIMEOUT) -> None:
        """Point the client here. Does nothing if this activation is live already.

        Args:
            drain_timeout: seconds the client has to deliver logs and events to the server it
                was pointed at before; its workers keep their connection until they are drained.
        """
        if self.is_active:
            return
        drain_client(drain_timeout)
        lifetime.forget_on_fork(_renew_lock)
        with _lock:
            if self in _stack:
                return
            self._before = {name: os.environ.get(name) for name in VARIABLES}
            _stack.append(self)
            _point_to(self._wanted)

    def restore(self, drain_timeout: float = DRAIN_TIMEOUT) -> None:
        """Point the client back. Does nothing if this activation is not live.

        A variable that someone else has changed in the meantime is left as it is.

        Args:
            drain_timeout: seconds the client has to deliver logs and events to this server.
        """
        if _stack and _stack[-1] is self:
            drain_client(drain_timeout)
        with _lock:
            if self not in _stack:
                return
            at = _stack.index(self)
            _stack.remove(self)
            if at < len(_stack):
                self._bequeath(_stack[at])
                return
            _point_to({name: old for name, old in self._before.items() if self._holds(name)})

    def _holds(self, name: str) -> bool:
        return os.environ.get(name) == self._wanted[name]

    def _bequeath(self, later: Activation) -> None:
        """Make `later` put back what this one would have put back."""
        for name, old in self._before.items():
            if later._before[name] == self._wanted[name]:
                later._before[name] = old


def drain_client(timeout: float = DRAIN_TIMEOUT) -> None:
    """Have the client of this process deliver its last logs and events to the server.

    Does nothing if the client has not been imported. May be called from any thread, also where
    an event loop is running. Never raises: what the client could not deliver in time is lost.

    Args:
        timeout: seconds all of this may take.
    """
    drains = _client_drains()
    if not drains:
        return
    deadline = time.monotonic() + timeout
    if not _in_event_loop():
        _drain(drains, deadline)
        return
    # Called under a running loop the client would answer with awaitables of that loop.
    thread = threading.Thread(
        target=_drain, args=(drains, deadline), name="ephemeral-server-drain", daemon=True
    )
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))


_WORKERS = (
    ("prefect.logging.handlers", "APILogWorker"),
    ("prefect.events.worker", "EventsWorker"),
)
"""Where the client keeps its workers; each logs under its own name."""

_lock = threading.Lock()
_stack: list[Activation] = []


def _point_to(values: Mapping[str, str | None]) -> None:
    """Change the environment, and have an imported client read it again, in all its threads."""
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    refresh = getattr(sys.modules.get("prefect.context"), "refresh_global_settings_context", None)
    if refresh is not None:
        refresh()


def _client_drains() -> list[Callable[..., object]]:
    """The drain functions of the client's log and event workers, as far as it is imported."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _WORKERS)
    return [worker.drain_all for worker in found if worker is not None]


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _drain(drains: list[Callable[..., object]], deadline: float) -> None:
    for drain in drains:
        try:
            with _without_hints():
                drain(timeout=max(0.0, deadline - time.monotonic()), at_exit=False)
        except Exception:
            # The client is on its own here, maybe half torn down at the interpreter's exit; its
            # troubles must not keep the server from ending.
            logging.getLogger(__name__).debug("The client could not be drained.", exc_info=True)


@contextmanager
def _without_hints() -> Iterator[None]:
    """Keep the workers from warning that they are busy: here that is what is asked of them."""

    def is_no_hint(record: logging.LogRecord) -> bool:
        return "Still processing items" not in str(record.msg)

    loggers = [logging.getLogger(worker) for _, worker in _WORKERS]
    for logger in loggers:
        logger.addFilter(is_no_hint)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_no_hint)


def _renew_lock() -> None:
    """A fork may happen while another thread holds the lock, which then stays locked there."""
    global _lock
    _lock = threading.Lock()
