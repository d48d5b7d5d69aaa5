"""A worker that says over its channel what the test wants, in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from starlette.types import Message

from tests.application import Application
from tests.workers.said import Json, frame, heartbeat, hello, operation

#: Seconds that a message may take.
PATIENCE = 20.0

End = tuple[int, str]


class TalkingWorker:
    """A connection to the channel of a pool; it moves while the application's loop runs.

    Args:
        application: where the channel is.
        pool_name: of the pool.

    Attributes:
        hello: what the worker has said first.
        ready: the payload of the answer to that.
    """

    def __init__(self, application: Application, pool_name: str) -> None:
        self._application = application
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._broken = False
        self.hello: Json = {}
        self.ready: Json = {}
        path = f"/api/work_pools/{quote(pool_name, safe='')}/workers/connect"
        self._scope = {
            "type": "websocket",
            "path": f"/api/work_pools/{pool_name}/workers/connect",
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "subprotocols": ["prefect"],
        }
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._task = application.wait(self._start())

    def say(self, said: Json | str | bytes) -> None:
        """Send a frame."""
        if isinstance(said, bytes):
            message = {"type": "websocket.receive", "bytes": said}
        else:
            text = said if isinstance(said, str) else json.dumps(said)
            message = {"type": "websocket.receive", "text": text}
        self._incoming.put_nowait(message)

    def hear(self) -> Json:
        """The next frame of the server."""
        message = self._next()
        assert message["type"] == "websocket.send", message
        heard: Json = json.loads(message["text"])
        return heard

    def end(self) -> End:
        """Code and reason with which the server closes the connection, as the next it says."""
        message = self._next()
        assert message["type"] == "websocket.close", message
        return message["code"], message["reason"]

    def greet(self, **changes: Any) -> None:
        """Say hello, and hear that everything is ready."""
        self.hello = hello(**changes)
        self.say(frame("worker.hello.v1", self.hello))
        heard = self.hear()
        assert heard["type"] == "worker.ready.v1"
        self.ready = heard["payload"]

    def beat(self, **changes: Any) -> None:
        """Send a heartbeat."""
        self.say(heartbeat(self.hello, **changes))

    def snapshot(self) -> Json:
        """The payload of the next frame, a snapshot."""
        heard = self.hear()
        assert heard["type"] == "work_pool.snapshot.v1", heard
        payload: Json = heard["payload"]
        return payload

    def delivery(self) -> Json:
        """The payload of the next frame, a cleanup message."""
        heard = self.hear()
        assert heard["type"] == "cleanup.message.v1", heard
        payload: Json = heard["payload"]
        return payload

    def operate(self, name: str, message_id: str, token: str, **further: Any) -> Json:
        """Do something with a cleanup message; the payload of the answer."""
        said = operation(name, message_id, token, **further)
        self.say(said)
        heard = self.hear()
        assert heard["type"] == "cleanup.operation_result.v1", heard
        assert heard["payload"].pop("request_frame_id") == said["id"]
        payload: Json = heard["payload"]
        return payload

    def stop_reading(self) -> None:
        """Take nothing more from the server."""
        self._room.clear()

    def read_on(self) -> None:
        """Take again what the server sends."""
        self._room.set()

    def break_off(self) -> None:
        """Go without having read what was sent."""
        self._broken = True
        self.leave()

    def leave(self) -> None:
        """Go; return when the server has seen it."""
        self.read_on()
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        self._application.wait(asyncio.wait_for(self._task, PATIENCE))

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read."""
        return self._outgoing.empty()

    def _next(self) -> Message:
        return self._application.wait(asyncio.wait_for(self._outgoing.get(), PATIENCE))

    async def _start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self._application.app(self._scope, self._incoming.get, self._send)

    async def _send(self, message: Message) -> None:
        await self._room.wait()
        if self._broken:
            raise OSError("the connection is closed")
        self._outgoing.put_nowait(message)


@contextmanager
def connected(application: Application, pool_name: str) -> Iterator[TalkingWorker]:
    """A worker that was let in, and has not said hello."""
    worker = TalkingWorker(application, pool_name)
    try:
        worker.say({"type": "auth", "token": None})
        assert worker._next() == {
            "type": "websocket.accept",
            "subprotocol": "prefect",
            "headers": [],
        }
        assert worker.hear() == {"type": "auth_success"}
        yield worker
    finally:
        worker.leave()


@contextmanager
def working(application: Application, pool_name: str, **changes: Any) -> Iterator[TalkingWorker]:
    """A worker that was greeted; `changes` are to its hello."""
    with connected(application, pool_name) as worker:
        worker.greet(**changes)
        yield worker
