"""Events over HTTP: all of a list are taken, or none."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.database.tables import event
from ephemeral_server.events import batching, routes
from tests import web
from tests.events.support import an_event, opened, rows


def stored(server: EphemeralServer, url: str) -> list[dict[str, Any]]:
    """The events in the database of a server, which ends."""
    server.shutdown()

    async def read() -> list[dict[str, Any]]:
        async with opened(url) as database:
            return await rows(database, event)

    return asyncio.run(read())


def test_a_list_of_events_is_taken_in(
    server: EphemeralServer, api: httpx.Client, database_url: str
) -> None:
    sent = [an_event(), an_event(event="", payload={"x": 1})]
    answer = api.post("/events", json=sent)
    assert (answer.status_code, answer.content) == (204, b"")
    found = {row["id"]: row["event"] for row in stored(server, database_url)}
    assert found == {one["id"]: one["event"] for one in sent}


def test_an_empty_list_is_taken_in(api: httpx.Client) -> None:
    assert api.post("/events", json=[]).status_code == 204


def test_the_server_says_when_an_event_was_received(
    server: EphemeralServer, api: httpx.Client, database_url: str
) -> None:
    sent = an_event(received="1999-01-01T00:00:00Z", unknown=1)
    assert api.post("/events", json=[sent]).status_code == 204
    [row] = stored(server, database_url)
    assert row["received"] > row["occurred"]


def test_an_id_is_stored_once(
    server: EphemeralServer, api: httpx.Client, database_url: str
) -> None:
    sent = an_event()
    for _ in range(2):
        assert api.post("/events", json=[sent, sent]).status_code == 204
    assert len(stored(server, database_url)) == 1


def test_one_bad_event_refuses_the_whole_list(
    server: EphemeralServer, api: httpx.Client, database_url: str
) -> None:
    answer = api.post("/events", json=[an_event(), an_event(id="first")])
    assert answer.status_code == 422
    assert answer.json()["exception_message"] == "Invalid request received."
    assert stored(server, database_url) == []


def test_one_event_without_a_list_is_refused(api: httpx.Client) -> None:
    assert api.post("/events", json=an_event()).status_code == 422


@pytest.mark.parametrize(
    "payload",
    [
        '{"x":NaN,"y":[Infinity,-Infinity]}',
        '{"x":1e999}',
        f'{{"x":{10**400}}}',
        '{"x":"\\u0000","\\u0000":1}',
        '{"x":"\\ud800","\\udfff":1}',
        '{"x":' + "[" * 200 + "]" * 200 + "}",
        '{"x":' + "[" * 900 + "]" * 900 + "}",
        '{"x":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"x":' + "9" * 5000 + "}",
    ],
)
def test_no_payload_breaks_the_server(
    server: EphemeralServer, api: httpx.Client, database_url: str, payload: str
) -> None:
    good = an_event()
    body = json.dumps([an_event(payload={"x": 0})]).replace('{"x": 0}', payload)
    answer = api.post("/events", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (204, 400, 422)
    assert api.post("/events", json=[good]).status_code == 204
    found = stored(server, database_url)
    assert good["id"] in [row["id"] for row in found]
    assert len(found) == (2 if answer.status_code == 204 else 1)


def test_names_and_labels_lose_what_databases_cannot_store(
    server: EphemeralServer, api: httpx.Client, database_url: str
) -> None:
    sent = an_event(event="a\x00b", resource={"prefect.resource.id": "c\x00d\ud800", "e\x00": "f"})
    body = json.dumps([sent])
    answer = api.post("/events", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 204
    [row] = stored(server, database_url)
    assert (row["event"], row["resource_id"]) == ("ab", "cd?")
    assert json.loads(row["resource"]) == {"prefect.resource.id": "cd?", "e": "f"}


def test_an_event_that_is_too_large_is_discarded_silently(tmp_path: Any) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"
    with ephemeral(database_url=url, activate=False, maximum_event_bytes=1000) as server:
        small = an_event()
        large = an_event(payload={"x": "y" * 1000})
        answer = web.post(f"{server.api_url}/events", json=[large, small])
        assert answer.status_code == 204
        assert [row["id"] for row in stored(server, url)] == [small["id"]]


def test_a_server_that_cannot_keep_up_asks_to_send_again(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "FULL_COUNT", 0)  # full after the first event, for ever
    monkeypatch.setattr(routes, "PATIENCE", 0.01)
    assert api.post("/events", json=[an_event()]).status_code == 204
    answer = api.post("/events", json=[an_event()])
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_a_trailing_slash_redirects(api: httpx.Client) -> None:
    answer = api.post("/events/", json=[])
    assert answer.status_code == 307
