"""A running server lets no one in by accident: foreign pages, and those without the secret."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.connection import Connection
from websockets.typing import Origin, Subprotocol

from ephemeral_server import EphemeralServer, ephemeral
from tests import web

pytestmark = pytest.mark.one_python

EVIL = {
    "a name that leads here": {"host": "evil.example"},
    "a page from elsewhere": {"origin": "http://evil.example"},
    "a page in a sandbox": {"origin": "null"},
}
SECRETS = {"none": None, "wrong": "ephemeral:wrong", "another user": "admin:{word}"}


@pytest.fixture(scope="module", params=["thread", "process"])
def server(request: pytest.FixtureRequest) -> Iterator[EphemeralServer]:
    """A server of each kind that asks for its secret."""
    with ephemeral(mode=request.param, auth=True, activate=False) as running:
        with web.client(running.api_url, auth=secret_of(running)) as ours:
            # Opens what is opened at the first request, and would seem to be left by a test.
            ours.post("/flows/count", json={}).raise_for_status()
        yield running


def secret_of(server: EphemeralServer) -> tuple[str, str]:
    user, _, word = server.env["PREFECT_API_AUTH_STRING"].partition(":")
    return user, word


def websocket(server: EphemeralServer, headers: dict[str, str] | None = None) -> ClientConnection:
    """A WebSocket as a web page or, without `headers`, as the client opens it."""
    given = headers or {}
    # The host is that of the address; where it leads is for the socket to say.
    address = f"ws://{given.get('host', '127.0.0.1')}:{server.port}/api/events/in"
    return connect(
        address,
        sock=socket.create_connection(("127.0.0.1", server.port), timeout=10),
        origin=Origin(given["origin"]) if "origin" in given else None,
        subprotocols=[Subprotocol("prefect")],
    )


def greet(connection: Connection, token: str | None) -> str | bytes:
    """The answer to the first message of a client."""
    connection.send(json.dumps({"type": "auth", "token": token}))
    return connection.recv(timeout=10)


def test_it_listens_on_the_loopback_address_only(server: EphemeralServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        # Every other address of this machine is free for somebody else.
        other.bind(("127.0.0.2", server.port))
    assert server.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("who", EVIL)
def test_a_foreign_page_is_refused_even_with_the_secret(server: EphemeralServer, who: str) -> None:
    with web.client(server.api_url, auth=secret_of(server), headers=EVIL[who]) as page:
        assert page.post("/flows/", json={"name": "of a page"}).status_code == 403
        assert page.post("/flows/count", json={}).status_code == 403
    with web.client(server.api_url, auth=secret_of(server)) as ours:
        assert ours.get("/flows/name/of a page").status_code == 404


@pytest.mark.parametrize("who", EVIL)
def test_a_websocket_of_a_foreign_page_is_refused(server: EphemeralServer, who: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        websocket(server, EVIL[who])
    assert caught.value.response.status_code == 403


def test_a_page_of_this_machine_is_served(server: EphemeralServer) -> None:
    headers = {"host": "localhost", "origin": f"http://localhost:{server.port}"}
    with web.client(server.api_url, auth=secret_of(server), headers=headers) as page:
        assert page.post("/flows/count", json={}).status_code == 200


@pytest.mark.parametrize("whose", SECRETS)
def test_a_request_without_the_secret_is_refused(server: EphemeralServer, whose: str) -> None:
    given = SECRETS[whose]
    auth = None
    if given is not None:
        user, _, word = given.format(word=secret_of(server)[1]).partition(":")
        auth = (user, word)
    with web.client(server.api_url, auth=auth) as stranger:
        answer = stranger.post("/flows/count", json={})
    assert (answer.status_code, answer.json()) == (401, {"exception_message": "Unauthorized"})


def test_a_request_with_the_secret_is_served(server: EphemeralServer) -> None:
    with web.client(server.api_url, auth=secret_of(server)) as ours:
        assert ours.post("/flows/count", json={}).status_code == 200


@pytest.mark.parametrize("whose", SECRETS)
def test_a_websocket_without_the_secret_is_closed(server: EphemeralServer, whose: str) -> None:
    given = SECRETS[whose]
    token = given.format(word=secret_of(server)[1]) if given is not None else None
    with websocket(server) as stranger, pytest.raises(ConnectionClosed) as caught:
        greet(stranger, token)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008


def test_a_websocket_with_the_secret_is_served(server: EphemeralServer) -> None:
    with websocket(server) as ours:
        assert greet(ours, ":".join(secret_of(server))) == '{"type":"auth_success"}'


@pytest.mark.parametrize("mode", ["thread", "process"])
def test_the_activated_client_is_let_in(mode: str) -> None:
    from prefect.client.orchestration import get_client

    with ephemeral(mode=mode, auth=True), get_client(sync_client=True) as client:
        assert client.read_flows() == []
