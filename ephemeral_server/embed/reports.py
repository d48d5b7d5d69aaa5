"""What the child process of a server reports to its parent, and what the parent makes of it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from typing import IO, Any

from ephemeral_server.errors import StartError


class Reports:
    """What a child says, read by a thread that ends with the child.

    Args:
        process: the child; its standard output is a pipe.

    Attributes:
        ended: set when the child has ended.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self.ended = threading.Event()
        self._process = process
        self._said: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=_read,
            args=(process.stdout, self._said, self.ended),
            name="ephemeral-server-reports",
            daemon=True,
        )
        self._thread.start()

    def await_ready(self, deadline: float, timeout: float) -> None:
        """Return when the child has said that it serves.

        Raises:
            StartError: it has said why it does not, has ended, or has said nothing in time.
        """
        phase = "starting Python"
        while True:
            try:
                said = self._said.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise StartError(
                    f"The server's process was not ready within {timeout:g} s; it was still "
                    f"{phase}. Give it more time with the setting 'start_timeout'."
                ) from None
            if said is None:
                code = self._process.wait()
                raise StartError(
                    f"The server's process ended with code {code} while {phase}; "
                    "what it had to say is on the standard error."
                )
            if "error" in said:
                cause = ChildFailure(said["traceback"])
                raise StartError(
                    f"The server's process could not start: {said['error']}"
                ) from cause
            if "ready" in said:
                return
            phase = said["phase"]

    def join(self) -> None:
        """Wait for the end of the reading thread; the child must have ended."""
        self._thread.join()


class ChildFailure(Exception):
    """Why a server could not start in its process; the text is the traceback from there."""


def _read(
    pipe: IO[bytes], said: queue.SimpleQueue[dict[str, Any] | None], ended: threading.Event
) -> None:
    buffered = b""
    while chunk := os.read(pipe.fileno(), 65536):
        *lines, buffered = (buffered + chunk).split(b"\n")
        for line in lines:
            said.put(json.loads(line))
    ended.set()
    said.put(None)
