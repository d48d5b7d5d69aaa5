"""A task worker that says what the test wants."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from ephemeral_server import EphemeralServer
from tests.api.objects import made
from tests.task_workers.queue import deferred

#: Seconds that a message may take.
PATIENCE = 20

ACK = '{"type":"ack"}'
QUIT = '{"type":"quit"}'


class TalkingWorker:
    """A connection to the subscription, after its greeting."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def say(self, text: str | bytes) -> None:
        self.connection.send(text)

    def subscribe(self, *keys: str, client_id: str = "worker") -> None:
        """Ask for the runs of tasks."""
        self.say(json.dumps({"type": "subscribe", "keys": keys, "client_id": client_id}))

    def receive(self) -> dict[str, Any]:
        """The next task run."""
        run: dict[str, Any] = json.loads(self.connection.recv(PATIENCE))
        return run

    def take(self) -> str:
        """Receive a task run and acknowledge it; its id."""
        run = self.receive()
        self.say(ACK)
        id: str = run["id"]
        return id

    def end(self) -> tuple[int, str]:
        """Code and reason with which the server closes the connection, as the next it says."""
        with pytest.raises(ConnectionClosed) as raised:
            self.connection.recv(PATIENCE)
        assert raised.value.rcvd is not None
        return raised.value.rcvd.code, raised.value.rcvd.reason

    def break_off(self) -> None:
        """End the connection without a word."""
        self.connection.socket.shutdown(socket.SHUT_RDWR)


def address(server: EphemeralServer) -> str:
    """Where the subscription is."""
    return server.api_url.replace("http", "ws", 1) + "/task_runs/subscriptions/scheduled"


@contextmanager
def talking(
    server: EphemeralServer, *keys: str, token: str | None = None, client_id: str = "worker"
) -> Iterator[TalkingWorker]:
    """A worker that has been greeted, and that has subscribed to `keys` if there are any."""
    offered = [Subprotocol("prefect")]
    with connect(address(server), proxy=None, subprotocols=offered) as connection:
        worker = TalkingWorker(connection)
        worker.say(json.dumps({"type": "auth", "token": token}))
        assert connection.recv(PATIENCE) == '{"type":"auth_success"}'
        if keys:
            worker.subscribe(*keys, client_id=client_id)
        yield worker


def delay(api: httpx.Client, key: str = "bake", **given: Any) -> str:
    """A new deferred run of a task; its id."""
    body = {"task_key": key, "dynamic_key": str(uuid4()), "state": deferred(), **given}
    id: str = made(api, "/task_runs/", body)["id"]
    return id
