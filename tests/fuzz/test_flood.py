"""More at once than any client asks for: nobody is refused, forgotten or kept out."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ephemeral_server import EphemeralServer
from tests.fuzz.frames import RawWebSocket, upgrade
from tests.fuzz.wire import Wire, request


def creation(name: str) -> bytes:
    """A request that makes a flow."""
    return request("POST", "/api/flows/", json.dumps({"name": name}).encode())


def ask(server: EphemeralServer, data: bytes) -> int:
    """The status of one request on a connection of its own."""
    with Wire(server.port) as wire:
        wire.send(data)
        [answer] = wire.answers(1)
        return answer.status


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Connections that stay open until the end of the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def _no_complaints(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    records = caplog.get_records("call")
    assert [each.getMessage() for each in records if each.levelno >= logging.WARNING] == []


def test_a_thousand_requests_sent_in_one_go_are_answered_in_their_order(
    wired: EphemeralServer,
) -> None:
    names = [f"in one go {number}" for number in range(1000)]

    with Wire(wired.port) as wire:
        wire.send(b"".join(map(creation, names)))
        answers = wire.answers(1000)

    assert [(answer.status, answer.body["name"]) for answer in answers] == [
        (201, name) for name in names
    ]


def test_two_hundred_connections_at_once_are_all_served(
    server: EphemeralServer, crowd: ExitStack
) -> None:
    wires = [crowd.enter_context(Wire(server.port)) for _ in range(200)]

    for number, wire in enumerate(wires):
        wire.send(creation(f"at once {number}") + request("POST", "/api/flows/count"))

    answers = [wire.answers(2) for wire in wires]
    assert [[answer.status for answer in pair] for pair in answers] == [[201, 200]] * 200
    # Each saw its own flow, and the last of them all flows.
    assert max(count.body for _, count in answers) == 200


def test_clients_that_dawdle_keep_nobody_out_and_are_served_in_the_end(
    wired: EphemeralServer, crowd: ExitStack
) -> None:
    """Three for each place that the limit of requests has: in their headers, in their body."""
    slow = [creation(f"dawdled {number}") for number in range(300)]
    wires = [crowd.enter_context(Wire(wired.port)) for _ in slow]
    places = [(30, -5)[number % 2] for number in range(300)]
    for wire, data, place in zip(wires, slow, places, strict=True):
        wire.send(data[:place])

    assert ask(wired, creation("quick")) == 201

    for wire, data, place in zip(wires, slow, places, strict=True):
        wire.send(data[place:])
    assert [wire.answers(1)[0].status for wire in wires] == [201] * 300


def test_clients_that_leave_while_others_wait_are_forgotten(wired: EphemeralServer) -> None:
    with ExitStack() as crowd:
        for number in range(200):
            wire = crowd.enter_context(Wire(wired.port))
            wire.send(creation(f"left {number}") * 5)
            wire.reset()
        assert ask(wired, creation("stayed")) == 201
    # What the server held for them is gone: every test is checked for that.


def test_a_shutdown_waits_for_nobody_who_dawdles(server: EphemeralServer, crowd: ExitStack) -> None:
    wires = [crowd.enter_context(Wire(server.port)) for _ in range(120)]
    for number, wire in enumerate(wires):
        data = creation(f"dawdled {number}")
        wire.send((data[:30], data[:-5], upgrade()[:60], b"")[number % 4])
    sockets = [crowd.enter_context(RawWebSocket(server)) for _ in range(20)]
    assert ask(server, creation("quick")) == 201

    began = time.monotonic()
    server.shutdown()

    assert time.monotonic() - began < 2  # it may take five
    assert all(wire.is_closed() for wire in wires)
    for websocket in sockets:
        assert websocket.receive() == (1012, "")
