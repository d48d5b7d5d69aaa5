"""The real client with a server that asks for a password and for CSRF tokens."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prefect import flow, task
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

from ephemeral_server import EphemeralServer
from tests.client.history import History
from tests.client.traffic import CSRF_PROBE, Traffic, recorded_server


@pytest.fixture
def server(traffic: Traffic) -> Iterator[EphemeralServer]:
    with recorded_server(traffic, auth=True, csrf_protection=True) as running:
        yield running


@task
def greet() -> str:
    return "hello"


@flow
def greeting() -> str:
    return greet()


def test_a_flow_is_recorded_behind_password_and_tokens(history: History, traffic: Traffic) -> None:
    assert greeting() == "hello"
    run = history.flow_run()
    assert history.state_names(run) == ["Pending", "Running", "Completed"]
    assert history.state_names(history.task_run("greet")) == ["Pending", "Running", "Completed"]
    assert len(history.logs(run.id)) == 3
    assert set(traffic.statuses(CSRF_PROBE)) == {200}
    for exchange in traffic.exchanges:
        if exchange.method in ("POST", "PATCH", "DELETE"):
            assert exchange.headers["authorization"].startswith("Basic ")
            assert exchange.headers["prefect-csrf-token"]
            assert exchange.headers["prefect-csrf-client"]


def test_events_come_behind_the_password_too(
    history: History, server: EphemeralServer, traffic: Traffic
) -> None:
    greeting()
    traffic.settle()
    (socket,) = traffic.on("WEBSOCKET /events/in")
    assert socket.sent[0] == {"type": "auth", "token": server.env["PREFECT_API_AUTH_STRING"]}
    assert [answer["type"] for answer in socket.answered] == ["auth_success"]
    assert traffic.event_names()[-1] == "prefect.task-run.Completed"


def test_a_wrong_password_ends_the_flow_at_once(server: EphemeralServer, traffic: Traffic) -> None:
    with (
        temporary_settings({PREFECT_API_AUTH_STRING: "wrong:password"}),
        pytest.raises((PrefectHTTPStatusError, httpx.HTTPStatusError), match="401"),
    ):
        greeting()
    assert [str(exchange) for exchange in traffic.exchanges] == ["GET /admin/version: 401"]
    traffic.exchanges.clear()
