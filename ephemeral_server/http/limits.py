"""Back-pressure: how many requests work on the database at once."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Collection
from weakref import WeakKeyDictionary

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ephemeral_server.http.asgi import route_path

#: Paths below the mount that do no work on the database, or must answer however busy it is.
EXEMPT = ("/health", "/ready", "/version", "/hello", "/admin/version", "/csrf-token")

# A request's body is read ahead, so that it is there when its turn comes and that a client that
# goes away meanwhile is noticed, but not further than this many bytes.
_READ_AHEAD = 262_144


class RequestLimitMiddleware:
    """Lets a number of HTTP requests work at once; the others wait for their turn.

    They wait in the order of their coming and are never rejected. A client that goes away
    while its request waits gives up its place. A request counts from when its body is there
    until its answer begins, so clients that send or read slowly keep nobody out. WebSockets, the
    lifespan and the exempt paths neither wait nor count, so any number of open sockets leaves
    health checks and requests alone. An app that is served by several event loops has the limit
    for each of them.

    Args:
        app: what to protect.
        limit: how many requests may work at once.
        exempt: paths below the mount that always pass at once.
    """

    def __init__(self, app: ASGIApp, limit: int = 100, exempt: Collection[str] = EXEMPT) -> None:
        if limit < 1:
            raise ValueError(f"The limit of requests must be at least 1, not {limit}.")
        self.app = app
        self.limit = limit
        self.exempt = frozenset(exempt)
        self._gates: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gate] = WeakKeyDictionary()
        self._lock = threading.Lock()  # loops of several threads may meet in _gates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or route_path(scope) in self.exempt:
            await self.app(scope, receive, send)
            return
        client = _ReadAhead(receive)
        if not await client.read_body():
            return  # nobody is left to answer
        gate = self._gate()
        if not gate.enter_at_once() and not await gate.enter(client):
            return
        place = _Place(gate, send)
        try:
            await self.app(scope, client.replay, place.send)
        finally:
            place.leave()

    def _gate(self) -> _Gate:
        loop = asyncio.get_running_loop()
        with self._lock:
            gate = self._gates.get(loop)
            if gate is None:
                gate = self._gates[loop] = _Gate(self.limit)
            return gate


class _Gate:
    """The places of one event loop. A place that gets free goes to who waits longest."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter_at_once(self) -> bool:
        """Take a place if one is free. One never is while somebody waits."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def enter(self, client: _ReadAhead) -> bool:
        """Wait for a place. False: the client went away first, no place is taken."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        gone = asyncio.ensure_future(client.until_gone())
        try:
            await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
            left = gone.done() and gone.result()
            if not left:
                await turn  # comes later only where the body is too long to watch the client
            # Its end is awaited, else it and the app would read from the client together.
            gone.cancel()
            await asyncio.wait((gone,))
        except BaseException:
            gone.cancel()
            self._withdraw(turn)
            raise
        if left:
            self._withdraw(turn)
        return not left

    def leave(self) -> None:
        """Give a place back: to the first who waits, else to all."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _withdraw(self, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self.leave()  # the place was handed over in the same moment
        else:
            turn.cancel()
            if turn in self._waiting:
                self._waiting.remove(turn)


class _Place:
    """A place that a request has taken; it is given back once, when the answer begins."""

    def __init__(self, gate: _Gate, send: Send) -> None:
        self._gate: _Gate | None = gate
        self._send = send

    async def send(self, message: Message) -> None:
        """The `send` for the app."""
        # All work is done by now, and sending may take as long as the client likes.
        self.leave()
        await self._send(message)

    def leave(self) -> None:
        """Give the place back unless that is done."""
        if self._gate is not None:
            self._gate.leave()
            self._gate = None


class _ReadAhead:
    """Reads a request's messages before it is its turn, and hands them out again later."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read: deque[Message] = deque()
        self._size = 0

    async def read_body(self) -> bool:
        """Read the body, or as much of it as is read ahead; False: the client has gone."""
        while self._size <= _READ_AHEAD:
            message = await self._next()
            if message["type"] == "http.disconnect":
                return False
            if not message.get("more_body", False):
                break
        return True

    async def until_gone(self) -> bool:
        """True when the client has gone, False when it is not watched any more."""
        while self._size <= _READ_AHEAD:
            if (await self._next())["type"] == "http.disconnect":
                return True
        return False

    async def _next(self) -> Message:
        message = await self._receive()
        self._read.append(message)
        self._size += len(message.get("body", b""))
        return message

    async def replay(self) -> Message:
        """The `receive` for the app: first what was read ahead, then what comes."""
        return self._read.popleft() if self._read else await self._receive()
