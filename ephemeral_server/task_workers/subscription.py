"""What a task worker and the server say to each other, from the first run to the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, NamedTuple

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.http.websockets import NORMAL, send
from ephemeral_server.ids import new_id
from ephemeral_server.runtime import Runtime
from ephemeral_server.task_runs.wire import TASK_RUN
from ephemeral_server.task_workers import store
from ephemeral_server.task_workers.workers import Worker

#: How often an idle subscription looks for what no notice tells of: runs that another process
#: has queued, claims of a server that died (seconds).
LOOK_SECONDS = 1.0
#: How long a worker may take to answer (seconds). One that does not is dead, or it has as much to
#: do as it takes on: it comes back when it is free, and another can have the run meanwhile.
ANSWER_SECONDS = 30.0

#: Close code for a client that says something else than it should.
PROTOCOL_VIOLATION = 4001

_ID, _KEY = TASK_RUN.keys.index("id"), TASK_RUN.keys.index("task_key")


class End(NamedTuple):
    """How a subscription ends; nothing is sent to who has gone already."""

    code: int = NORMAL
    reason: str = ""


class Subscription:
    """Delivers task runs to one worker, one at a time, until the connection ends.

    A run that the worker has not acknowledged goes to the next one, whatever happens.

    Args:
        websocket: after the worker has subscribed.
        runtime: of the server.
        worker: who it is.
    """

    def __init__(self, websocket: WebSocket, runtime: Runtime, worker: Worker) -> None:
        self._websocket = websocket
        self._runtime = runtime
        self._workers = runtime.task_workers
        self._worker = worker
        self._id = new_id()
        self._message: asyncio.Task[Message] | None = None

    async def run(self) -> End:
        """Deliver; returns how to close the connection."""
        write, keys = self._runtime.database.write, self._worker.keys
        done: str | None = None
        try:
            while True:
                woken = self._workers.wait(self._worker)  # before the look, so nothing is missed
                run = await write(store.claim_next, keys, self._id, done)
                done = None
                if run is None:
                    end = await self._idle(woken)
                else:
                    self._workers.pass_on(self._worker)
                    end = await self._deliver(run)
                    done = run[_ID]
                if end is not None:
                    return end
        except DatabaseClosedError:  # the server ends; a claim that is left over runs out
            return End()
        finally:
            if self._message is not None:
                self._message.cancel()

    async def _idle(self, woken: asyncio.Future[None]) -> End | None:
        """Wait until there may be a run; the end if the client speaks or goes instead."""
        either: set[asyncio.Future[Any]] = {self._next_message(), woken}
        await asyncio.wait(either, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        said = self._said()
        return None if said is None else _end(said)

    async def _deliver(self, run: Any) -> End | None:
        """Send a run; the end unless it is acknowledged."""
        acknowledged = False
        self._worker.silent_since = self._runtime.clock.now()
        try:
            with contextlib.suppress(WebSocketDisconnect):  # the next message says so again
                await send(self._websocket, TASK_RUN.render(run, self._runtime.clock.now()))
            await asyncio.wait({self._next_message()}, timeout=ANSWER_SECONDS)
            said = self._said()
            acknowledged = said == "ack"
        finally:
            self._worker.silent_since = None
            if not acknowledged:
                await self._give_back(run)
        return None if acknowledged else _end(said)

    async def _give_back(self, run: Any) -> None:
        # Shielded: who ends this task means the connection, not the run.
        write = self._runtime.database.write
        await asyncio.shield(write(store.give_back, run[_ID], run[_KEY], self._id))

    def _next_message(self) -> asyncio.Task[Message]:
        """The client's next message, which is read while something else is waited for."""
        if self._message is None:
            self._message = asyncio.create_task(self._receive())
        return self._message

    async def _receive(self) -> Message:
        return await self._websocket.receive()

    def _said(self) -> str | None:
        """The type of the message that has come, None if there is none; who goes has quit."""
        if self._message is None or not self._message.done():
            return None
        message, self._message = self._message.result(), None
        if message["type"] == "websocket.disconnect":
            return "quit"
        try:
            content = json.loads(message.get("text") or "")
        except (ValueError, RecursionError):
            return ""
        type = content.get("type") if isinstance(content, dict) else None
        return type if isinstance(type, str) else ""


def _end(said: str | None) -> End:
    """How it ends after what the client said last."""
    if said == "quit":
        return End()
    if said is None:
        reason = f"Protocol violation: no answer to a task run within {ANSWER_SECONDS:g} s"
    else:
        reason = "Protocol violation: expected 'ack' or 'quit' message after a task run"
    return End(PROTOCOL_VIOLATION, reason)
