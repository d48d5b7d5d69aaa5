"""The end of servers that nobody shut down: at interpreter exit, and in forked children.

The open sessions of this process are kept here. One exit hook ends them all. After a fork
the child lets go of them: threads do not survive a fork, but descriptors do, and a child
that keeps a listening socket open keeps the port of a server that has ended long since.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ephemeral_server.errors import EphemeralServerError

if TYPE_CHECKING:
    from ephemeral_server.embed.session import Session

#: Seconds that ending all servers may take at interpreter exit.
EXIT_SECONDS = 10.0


def track(session: Session) -> None:
    """End `session` at interpreter exit, and let go of it in forked children."""
    _install_hooks()
    _sessions[session] = None


def untrack(session: Session) -> None:
    """`session` has ended."""
    _sessions.pop(session, None)


def forget_on_fork(forget: Callable[[], None]) -> None:
    """Call `forget` in every forked child, after the sessions are let go of."""
    _forgetters[forget] = None


def close_in_background(session: Session, timeout: float) -> None:
    """End a session whose handle was collected.

    The collector runs in any thread at any moment, also in the server's, and may not wait.
    """
    if session in _sessions:
        threading.Thread(
            target=_close_quietly, args=(session, timeout), name="ephemeral-server-end", daemon=True
        ).start()


def close_all(seconds: float = EXIT_SECONDS) -> None:
    """End every open session, the latest first.

    Args:
        seconds: for all of them together.
    """
    deadline = time.monotonic() + seconds
    for session in reversed(list(_sessions)):
        left = max(0.0, deadline - time.monotonic())
        _close_quietly(session, min(left, session.settings.shutdown_timeout))


# Each step on these is one operation of a dict, so threads and signal handlers need no lock,
# and a forked child finds none that is held. They keep the order of insertion.
_sessions: dict[Session, None] = {}
_forgetters: dict[Callable[[], None], None] = {}
_hooks: set[str] = set()


def _install_hooks() -> None:
    if "exit" not in _hooks:
        _hooks.add("exit")
        atexit.register(close_all)
        _register_multiprocessing_exit()
    if "fork" not in _hooks and hasattr(os, "register_at_fork"):
        _hooks.add("fork")
        os.register_at_fork(after_in_child=_after_fork_in_child)


def _register_multiprocessing_exit() -> None:
    """Children of multiprocessing skip the exit hooks of Python, but run those of their own."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, close_all, exitpriority=0)


def _after_fork_in_child() -> None:
    for session in list(_sessions):
        session.abandon()
    _sessions.clear()
    _hooks.discard("exit")  # multiprocessing drops the exit hooks of its children
    for forget in list(_forgetters):
        forget()


def _close_quietly(session: Session, timeout: float) -> None:
    # Nobody is there to be told; the thread is a daemon and the directory is deleted anyway.
    with contextlib.suppress(EphemeralServerError):
        session.close(timeout)
