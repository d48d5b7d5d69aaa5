"""Serve a running server's application from another event loop.

The database and the streams of a running server belong to its own loop. Whoever mounts the
handle in another server, or calls it through a test client, does so on another loop: the
request crosses over, and its messages cross back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ephemeral_server.embed.serving import ASGIApp, Message, Receive, Scope, Send

T = TypeVar("T")


async def call_across(
    app: ASGIApp, loop: asyncio.AbstractEventLoop, scope: Scope, receive: Receive, send: Send
) -> None:
    """Call `app` on `loop` with messages of the running loop."""
    here = asyncio.get_running_loop()
    if here is loop:
        await app(scope, receive, send)
        return

    async def receive_there() -> Message:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_call(receive), here))

    async def send_there(message: Message) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_call(send, message), here))

    async def run() -> None:
        await app(scope, receive_there, send_there)

    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), loop))


async def sit_through_lifespan(receive: Receive, send: Send) -> None:
    """Answer the lifespan of a server that only visits: the application runs already."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _call(function: Callable[..., Awaitable[T]], *arguments: Message) -> T:
    return await function(*arguments)
