"""The WebSocket over which workers live, learn of their pool and are asked to clean up."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.http.websockets import close
from ephemeral_server.runtime import Runtime, converse
from ephemeral_server.workers.channel.connection import talk
from ephemeral_server.workers.channel.ends import ChannelError, End

router = APIRouter(prefix="/work_pools/{name}/workers")


@router.websocket("/connect")
async def connect_worker(websocket: WebSocket, name: str) -> None:
    """The channel of a worker of the pool `name`.

    The worker says hello and is told how its pool is, now and whenever that changes. It sends
    heartbeats. What is left of runs that did not end by themselves is sent to it to clean up.
    """

    async def with_client(websocket: WebSocket, runtime: Runtime) -> None:
        try:
            await talk(websocket, runtime, name)
        except WebSocketDisconnect:
            return
        except ChannelError as error:
            end = error.end
        except DatabaseClosedError:  # seldom seen: WebSockets are closed before the database
            end = End.TRANSIENT_ERROR
        await close(websocket, end.code, end.reason)

    refusal = End.AUTHENTICATION_FAILED.reason
    await converse(websocket, with_client, legacy=False, refusal=refusal)
