"""The channel of running servers: who is let in, the end, and servers that share a database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Subprotocol

from ephemeral_server import EphemeralServer, Settings, ephemeral
from ephemeral_server.work_pools.creation import create_pool
from ephemeral_server.workers.channel import dispatching
from ephemeral_server.workers.cleanup.deliveries import reserve
from ephemeral_server.workers.cleanup.queue import enqueue
from tests import web
from tests.api.objects import made, new_flow, set_state
from tests.events.support import opened
from tests.workers.queue import taker
from tests.workers.said import CLEANER, TIMEOUT, Json, frame, heartbeat, hello

#: Seconds that a message may take.
PATIENCE = 20

PREFECT = [Subprotocol("prefect")]


def address(server: EphemeralServer, pool: str = "pool") -> str:
    return server.api_url.replace("http", "ws", 1) + f"/work_pools/{pool}/workers/connect"


def hear(connection: Connection) -> Json:
    heard: Json = json.loads(connection.recv(PATIENCE))
    return heard


def end(connection: Connection) -> tuple[int, str]:
    """Code and reason with which the server closes, as the next it does."""
    with pytest.raises(ConnectionClosed) as raised:
        connection.recv(PATIENCE)
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code, raised.value.rcvd.reason


@contextmanager
def greeted(server: EphemeralServer, said: Json, token: str | None = None) -> Iterator[Connection]:
    """A worker that has said hello and was answered."""
    with connect(address(server), proxy=None, subprotocols=PREFECT) as connection:
        connection.send(json.dumps({"type": "auth", "token": token}))
        assert hear(connection) == {"type": "auth_success"}
        connection.send(json.dumps(frame("worker.hello.v1", said)))
        assert hear(connection)["type"] == "worker.ready.v1"
        yield connection


@pytest.mark.parametrize("offered", [None, [Subprotocol("other")]])
@pytest.mark.parametrize("secured", [True, False])
def test_a_client_that_does_not_offer_the_subprotocol_is_refused(
    offered: list[Subprotocol] | None, secured: bool
) -> None:
    with (
        ephemeral(auth=secured, activate=False) as server,
        pytest.raises(InvalidStatus) as raised,
        connect(address(server), proxy=None, subprotocols=offered),
    ):
        pass
    assert raised.value.response.status_code == 403


@pytest.mark.parametrize(
    "said",
    [
        {"type": "auth"},
        {"type": "auth", "token": None},
        {"type": "auth", "token": "user:wrong"},
        {"type": "hello", "token": "user:right"},
        frame("worker.hello.v1", hello()),
        5,
    ],
)
def test_a_client_that_does_not_know_the_secret_is_sent_off(said: Any) -> None:
    with (
        ephemeral(auth_string="user:right", activate=False) as server,
        connect(address(server), proxy=None, subprotocols=PREFECT) as connection,
    ):
        connection.send(json.dumps(said))
        assert end(connection) == (1008, "authentication_failed")


def test_a_client_that_knows_the_secret_is_let_in() -> None:
    said = hello(create_pool_if_not_found=True)
    with (
        ephemeral(auth_string="user:right", activate=False) as server,
        greeted(server, said, "user:right"),
    ):
        pass


def test_a_server_that_ends_tells_its_workers_to_come_again() -> None:
    with ephemeral(activate=False) as server:
        said = hello(create_pool_if_not_found=True, **CLEANER)
        with greeted(server, said) as connection:
            server.shutdown()
            assert end(connection)[0] == 1012


# Servers that share a database


@pytest.fixture
def pair(postgres_url: str) -> Iterator[list[EphemeralServer]]:
    """Two servers on one database, which call runs cancelled at once that are to be."""
    settings = Settings(
        ephemeral=True, activate=False, database_url=postgres_url, cancelling_timeout_seconds=0
    )
    with ExitStack() as stack:
        yield [stack.enter_context(ephemeral(settings)) for _ in range(2)]


def cancel_too_late(api: httpx.Client) -> str:
    """A run in the pool that is to be cancelled, which nobody does."""
    flow_id = new_flow(api)["id"]
    body = {"name": f"deployment-{uuid4()}", "flow_id": flow_id, "work_pool_name": "pool"}
    deployment_id = made(api, "/deployments/", body)["id"]
    run: str = made(api, f"/deployments/{deployment_id}/create_flow_run", {})["id"]
    for state in ("PENDING", "RUNNING", "CANCELLING"):
        assert set_state(api, f"/flow_runs/{run}", state, force=True).status_code == 201
    return run


def test_what_another_server_changes_is_told_at_the_next_heartbeat(
    pair: list[EphemeralServer],
) -> None:
    here, elsewhere = pair
    said = hello(create_pool_if_not_found=True)
    with greeted(here, said) as connection, web.client(elsewhere.api_url) as api:
        assert api.patch("/work_pools/pool", json={"concurrency_limit": 3}).status_code == 204
        connection.send(json.dumps(heartbeat(said)))
        snapshot = hear(connection)["payload"]
        assert snapshot["reason"] == "heartbeat_reconciliation"
        assert snapshot["work_pool"]["concurrency_limit"] == 3

        assert api.delete("/work_pools/pool").status_code == 204
        connection.send(json.dumps(heartbeat(said)))
        assert end(connection) == (1008, "authorization_failed")


def test_what_another_server_asks_to_clean_up_is_found(
    pair: list[EphemeralServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "LOOK_SECONDS", 0.02)
    here, elsewhere = pair
    said = hello(create_pool_if_not_found=True, **CLEANER)
    with greeted(here, said) as connection, web.client(elsewhere.api_url) as api:
        run = cancel_too_late(api)
        elsewhere.run_service("cancelling-timeouts")
        heard = hear(connection)
    assert heard["type"] == "cleanup.message.v1"
    assert heard["payload"]["target"]["flow_run_id"] == run


def test_servers_that_deliver_at_the_same_time_deliver_each_message_once(
    postgres_url: str,
) -> None:
    async def deliver() -> list[str]:
        settings = Settings(database_url=postgres_url)
        async with opened(postgres_url) as one, opened(postgres_url) as other:
            pool_id = (await one.write(create_pool, "pool", "process"))["id"]
            for number in range(30):
                await one.write(enqueue, pool_id, TIMEOUT, {}, key=str(number))
            found = await asyncio.gather(
                *(
                    database.write(reserve, settings, pool_id, [taker(str(uuid4()))])
                    for _ in range(20)
                    for database in (one, other)
                )
            )
        return [each.message_id for [each] in found if each is not None]

    delivered = asyncio.run(deliver())
    assert len(delivered) == len(set(delivered)) == 30
