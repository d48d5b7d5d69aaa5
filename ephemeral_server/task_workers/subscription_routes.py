"""The WebSocket over which task workers get deferred task runs."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError
from starlette.websockets import WebSocket

from ephemeral_server.http.websockets import close
from ephemeral_server.orchestration.task_rules import DEFERRED
from ephemeral_server.runtime import Runtime, converse
from ephemeral_server.task_workers.schemas import Subscribe, violation
from ephemeral_server.task_workers.store import give_back_all
from ephemeral_server.task_workers.subscription import PROTOCOL_VIOLATION, Subscription

router = APIRouter(prefix="/task_runs/subscriptions")

_subscribe: TypeAdapter[Subscribe] = TypeAdapter(Subscribe)


@router.websocket("/scheduled")
async def deliver_scheduled_task_runs(websocket: WebSocket) -> None:
    """Send deferred task runs of the tasks that the client names, each once it is its turn.

    The client answers each run with ``{"type": "ack"}`` and gets the next; any other answer,
    or none, ends the connection, and the run goes to another client.
    """
    await converse(websocket, _serve)


async def _serve(websocket: WebSocket, runtime: Runtime) -> None:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        return
    try:
        wanted = _subscribe.validate_json(message.get("text") or "")
    except ValidationError as error:
        await close(websocket, PROTOCOL_VIOLATION, violation(error))
        return
    workers, first = runtime.task_workers, runtime.task_workers.is_new
    worker = workers.connect(wanted.client_id, wanted.keys)
    try:
        if first:
            await _begin(runtime)
        end = await Subscription(websocket, runtime, worker).run()
    finally:
        workers.disconnect(worker)
    await close(websocket, *end)


async def _begin(runtime: Runtime) -> None:
    """What is done once, when the first worker connects."""
    database = runtime.database
    database.notices.listen(DEFERRED, runtime.task_workers.wake)
    if database.dialect == "sqlite":
        # Nobody else serves this file: what is claimed was claimed by a server that has ended.
        await database.write(give_back_all)
