"""What a worker and the server say to each other, from the worker's hello to the end."""

from __future__ import annotations

import asyncio
import logging
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from ephemeral_server.errors import DatabaseClosedError, ObjectNotFoundError
from ephemeral_server.http.websockets import GOING_AWAY, first_error, send
from ephemeral_server.runtime import Runtime
from ephemeral_server.workers.channel import answers, frames
from ephemeral_server.workers.channel.admission import admit
from ephemeral_server.workers.channel.ends import ChannelError, End
from ephemeral_server.workers.channel.greeting import Greeting, beat
from ephemeral_server.workers.channel.outbox import Outbox
from ephemeral_server.workers.cleanup.deliveries import Taker
from ephemeral_server.workers.cleanup.operations import (
    FAILED,
    NOT_TAKING,
    Operation,
    Result,
    operate,
)

T = TypeVar("T")

logger = logging.getLogger(__name__)

_OPERATIONS: dict[str, Operation] = {
    "cleanup.ack.v1": "ack",
    "cleanup.renew.v1": "renew",
    "cleanup.release.v1": "release",
}


async def talk(websocket: WebSocket, runtime: Runtime, pool_name: str) -> None:
    """Serve a worker's channel to the end.

    Args:
        websocket: after the client was let in.
        pool_name: of the pool that the worker serves.

    Raises:
        ChannelError: the server ends it.
        WebSocketDisconnect: the worker has gone.
        DatabaseClosedError: so has the server.
    """
    hello = (await _receive(websocket, frames.hello_frame)).payload
    if frames.VERSION not in hello.supported_channel_versions:
        raise ChannelError(End.UNSUPPORTED_VERSION)
    channels = runtime.worker_channels
    with channels.greeting() as changed:
        greeting = await admit(runtime.database, runtime.vault, pool_name, hello)
        outbox = Outbox(greeting.pool, _taker(hello, greeting))
        channels.join(outbox, changed)
    try:
        now = runtime.clock.now()
        ready = answers.ready(now, hello, greeting.queues, greeting.pool.json)
        await send(websocket, ready)
        await _Connection(websocket, runtime, hello, outbox).run()
    finally:
        await channels.leave(outbox)


class _Connection:
    """A channel after its greeting: what the worker says is heard, what is new is told."""

    def __init__(
        self, websocket: WebSocket, runtime: Runtime, hello: frames.Hello, outbox: Outbox
    ) -> None:
        self._websocket = websocket
        self._runtime = runtime
        self._hello = hello
        self._outbox = outbox

    async def run(self) -> None:
        """Hear and tell until either ends, see `talk`."""
        tasks = [asyncio.create_task(each) for each in (self._hear_all(), self._tell_all())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _hear_all(self) -> None:
        while True:
            frame = await _receive(self._websocket, frames.frame)
            if isinstance(frame, frames.HeartbeatFrame):
                await self._beat(frame.payload)
                continue
            operation = _OPERATIONS[frame.type]
            result = await self._operate(operation, frame.payload)
            now, message_id = self._runtime.clock.now(), frame.payload.message_id
            answer = answers.operation_result(now, frame.id, message_id, operation, result)
            await send(self._websocket, answer)

    async def _beat(self, heartbeat: frames.Heartbeat) -> None:
        who, outbox = self._hello, self._outbox
        given = heartbeat.consumer_id, heartbeat.worker_name
        if given != (who.consumer_id, who.worker_name):
            raise ChannelError(End.PROTOCOL_ERROR)
        interval = heartbeat.heartbeat_interval_seconds
        try:
            write = self._runtime.database.write
            pool = await write(beat, outbox.pool, who.worker_name, interval)
        except (ChannelError, DatabaseClosedError):
            raise
        except ObjectNotFoundError:  # the pool was deleted just now
            raise ChannelError(End.AUTHORIZATION_FAILED) from None
        except Exception as error:
            logger.exception("A heartbeat of worker %r was not recorded.", who.worker_name)
            raise ChannelError(End.HEARTBEAT_FAILED) from error
        if pool.updated != outbox.pool.updated:
            outbox.put_pool(pool, answers.RECONCILIATION)

    async def _operate(self, operation: Operation, wanted: frames.CleanupOperation) -> Result:
        if self._outbox.taker is None:
            return NOT_TAKING
        reason = wanted.reason if isinstance(wanted, frames.CleanupRelease) else ""
        try:
            return await self._runtime.database.write(
                operate,
                self._runtime.settings,
                self._outbox.pool.id,
                operation,
                wanted.message_id,
                wanted.reservation_token,
                reason,
            )
        except DatabaseClosedError:
            raise
        except Exception:  # whatever it is, the worker is told and its reservation stays
            logger.exception("Operation %s on cleanup %s failed.", operation, wanted.message_id)
            return FAILED

    async def _tell_all(self) -> None:
        outbox, clock = self._outbox, self._runtime.clock
        sequence = 1  # that of the snapshot in the greeting
        while True:
            await outbox.changed.wait()
            outbox.changed.clear()
            if outbox.end is not None:
                raise ChannelError(outbox.end)
            if outbox.reason is not None:
                reason, outbox.reason = outbox.reason, None
                sequence += 1
                text = answers.snapshot(clock.now(), sequence, reason, outbox.pool.json)
                await send(self._websocket, text)
            if outbox.delivery is not None:
                await send(self._websocket, answers.cleanup_message(clock.now(), outbox.delivery))
                self._runtime.worker_channels.dispatcher.sent(outbox)


async def _receive(websocket: WebSocket, kind: TypeAdapter[T]) -> T:
    """The next frame.

    Raises:
        ChannelError: it is of another kind.
        WebSocketDisconnect: there is none.
    """
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", GOING_AWAY))
    try:
        return kind.validate_json(message.get("text") or "")
    except ValidationError as error:
        logger.info("A worker is sent off: %s", first_error(error))
        raise ChannelError(End.PROTOCOL_ERROR) from None


def _taker(hello: frames.Hello, greeting: Greeting) -> Taker | None:
    """The worker as one that takes cleanup messages, if it does."""
    if not hello.cleanup_concurrency:
        return None
    return Taker(
        consumer=f"{hello.consumer_id}/{hello.worker_name}",
        kinds=frozenset(hello.handled_cleanup_kinds),
        queue_ids=frozenset(id for id, _ in greeting.queues),
        most=hello.cleanup_concurrency,
    )
