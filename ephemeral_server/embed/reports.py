"""What the child process of a server reports to its parent, and what the parent makes of it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
import time
from typing import IO, Any

from ephemeral_server.errors import NotRunningError, ServiceError, StartError


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
        self._answers: dict[int, concurrent.futures.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count()
        self._thread = threading.Thread(
            target=self._read,
            args=(process.stdout,),
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

    def expect_answer(self) -> tuple[int, concurrent.futures.Future[dict[str, Any]]]:
        """A number for an order, and what the child will answer to it.

        The answer is a `NotRunningError` if the child ends before, and a `ServiceError` if it
        could not do it.
        """
        number = next(self._numbers)
        answer = self._answers[number] = concurrent.futures.Future()
        if self.ended.is_set():  # Perhaps too late for the thread to see it.
            self._give_up()
        return number, answer

    def join(self) -> None:
        """Wait for the end of the reading thread; the child must have ended."""
        self._thread.join()

    def _read(self, pipe: IO[bytes]) -> None:
        buffered = b""
        while chunk := _some(pipe):
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
        self.ended.set()
        self._said.put(None)
        self._give_up()

    def _take(self, said: dict[str, Any]) -> None:
        if "answer" not in said:
            self._said.put(said)
            return
        answer = self._answers.pop(said["answer"])
        if "error" in said:
            error = ServiceError(f"The service failed in the server's process: {said['error']}")
            error.__cause__ = ChildFailure(said["traceback"])
            answer.set_exception(error)
        else:
            answer.set_result(said)

    def _give_up(self) -> None:
        """Nothing will be answered any more."""
        while self._answers:
            with contextlib.suppress(KeyError):  # somebody else does the same
                _, answer = self._answers.popitem()
                answer.set_exception(NotRunningError("The server's process has ended."))


class ChildFailure(Exception):
    """Why something failed in the server's process; the text is the traceback from there."""


def _some(pipe: IO[bytes]) -> bytes:
    """What there is to read; nothing at the end."""
    try:
        return os.read(pipe.fileno(), 65536)
    except (OSError, ValueError):  # closed by a start that was interrupted
        return b""
