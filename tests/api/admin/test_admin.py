"""What the server tells about itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from ephemeral_server import ephemeral
from ephemeral_server.admin.csrf import CsrfToken
from ephemeral_server.admin.routes import ServerDefaultResultStorage
from ephemeral_server.admin.settings import settings_schema
from ephemeral_server.admin.storage import KEY
from ephemeral_server.application import build_app
from ephemeral_server.clock import Clock, ManualClock
from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import configuration
from ephemeral_server.encryption.keys import new_key
from ephemeral_server.ids import new_id
from ephemeral_server.runtime import Runtime
from ephemeral_server.settings import Settings
from ephemeral_server.version import PREFECT_VERSION
from tests import web
from tests.api.shapes import assert_shape


def test_the_version_is_one_that_clients_of_prefect_3_accept(api: httpx.Client) -> None:
    assert api.get("/admin/version").json() == PREFECT_VERSION
    api.get("/hello", headers={"User-Agent": "prefect/3.99.0 (API 0.8.4)"})
    assert api.get("/admin/version").json() == "3.99.0"


def test_the_server_says_hello(api: httpx.Client) -> None:
    assert api.get("/hello").json() == "👋"


def test_a_healthy_server_is_alive_and_ready(api: httpx.Client) -> None:
    assert api.get("/health").json() is True
    answer = api.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"message": "OK"})


def test_a_server_whose_database_is_gone_is_alive_but_not_ready(database_url: str) -> None:
    async def close(runtime: Runtime, api: httpx.AsyncClient) -> None:
        await runtime.database.close()

        answer = await api.get("/ready")

        assert answer.status_code == 503
        assert answer.json() == {"message": "Database is not available"}
        for path in ("/health", "/version", "/hello", "/admin/version"):
            assert (await api.get(path)).status_code == 200

    with_runtime(database_url, close)


def test_the_settings_are_told_with_what_they_are_set_to() -> None:
    given: dict[str, Any] = {"csrf_token_seconds": 90.0, "initial_deployment_lease_seconds": 60.0}
    with ephemeral(default_limit=7, **given, activate=False) as server:
        tree = web.get(f"{server.api_url}/admin/settings").json()

    Draft202012Validator(settings_schema()).validate(tree)
    assert tree["server"]["api"]["default_limit"] == 7
    assert tree["server"]["api"]["csrf_token_expiration"] == "PT1M30S"
    assert tree["server"]["concurrency"]["initial_deployment_lease_duration"] == 60
    assert tree["server"]["ephemeral"]["enabled"] is True
    assert tree["server"]["services"]["late_runs"] == {
        "enabled": False,
        "loop_seconds": 5,
        "after_seconds": "PT15S",
    }
    assert tree["server"]["ui"]["enabled"] is False
    assert tree["client"]["max_retries"] == 5
    assert tree["server"]["logs"]["stream_out_enabled"] is True


def test_no_secret_is_among_the_settings(database_url: str) -> None:
    key = new_key()
    settings: dict[str, Any] = {"database_url": database_url, "auth_string": "me:geheim"}
    settings["encryption_key"] = key
    with ephemeral(**settings, activate=False) as server:
        url = f"{server.api_url}/admin/settings"
        answer = web.get(url, auth=("me", "geheim"))

    tree = answer.json()["server"]
    assert tree["api"]["auth_string"] == "**********"
    assert tree["database"]["connection_url"] == "**********"
    assert tree["database"]["driver"] == database_url.partition(":")[0]
    assert "geheim" not in answer.text
    assert key not in answer.text
    assert database_url not in answer.text


def test_results_go_where_the_client_chooses_unless_somebody_says_otherwise(
    api: httpx.Client,
) -> None:
    answer = api.get("/admin/storage")

    assert_shape(ServerDefaultResultStorage, answer.json())
    assert answer.json() == {"default_result_storage_block_id": None}


def test_the_default_storage_can_be_cleared_at_any_time(database_url: str) -> None:
    chosen = {"default_result_storage_block_id": new_id()}
    nothing = {"default_result_storage_block_id": None}

    async def clear(runtime: Runtime, api: httpx.AsyncClient) -> None:
        await runtime.database.write(choose, chosen)
        assert (await api.get("/admin/storage")).json() == chosen
        for _ in range(2):
            assert (await api.delete("/admin/storage")).status_code == 204
            assert (await api.get("/admin/storage")).json() == nothing

    with_runtime(database_url, clear)


def test_what_another_process_chose_is_known_soon(database_url: str) -> None:
    chosen = {"default_result_storage_block_id": new_id()}
    clock = ManualClock()

    async def look(runtime: Runtime, api: httpx.AsyncClient) -> None:
        await api.get("/admin/storage")
        await runtime.database.write(choose, chosen)
        clock.advance(2)
        assert (await api.get("/admin/storage")).json() == chosen

    with_runtime(database_url, look, clock)


class TestCsrfToken:
    def test_clients_are_told_that_the_protection_is_off(self, api: httpx.Client) -> None:
        answer = api.get("/csrf-token", params={"client": "me"})
        assert answer.status_code == 422
        assert answer.json() == {"detail": "CSRF protection is disabled."}

    def test_a_client_must_name_itself(self, api: httpx.Client) -> None:
        answer = api.get("/csrf-token")
        assert answer.status_code == 422
        assert answer.json()["exception_detail"][0]["loc"] == ["query", "client"]

    def test_a_token_lets_its_client_write(self) -> None:
        with (
            ephemeral(csrf_protection=True, activate=False) as server,
            web.client(server.api_url) as api,
        ):
            assert api.post("/flows/", json={"name": "a"}).status_code == 403
            token = api.get("/csrf-token", params={"client": "me"}).json()
            assert_shape(CsrfToken, token)
            headers = {"Prefect-Csrf-Token": token["token"], "Prefect-Csrf-Client": "me"}
            assert api.post("/flows/", json={"name": "a"}, headers=headers).status_code == 201
            headers["Prefect-Csrf-Client"] = "you"
            assert api.post("/flows/", json={"name": "b"}, headers=headers).status_code == 403


def test_a_protocol_version_from_long_ago_is_refused(api: httpx.Client) -> None:
    for path in ("/hello", "/ready", "/admin/version", "/admin/storage"):
        answer = api.get(path, headers={"X-PREFECT-API-VERSION": "0.7.0"})
        assert answer.status_code == 400


def choose(tx: Transaction, value: dict[str, Any]) -> None:
    """Make a block the default storage, as another process would."""
    now = tx.now()
    row = {"id": new_id(), "created": now, "updated": now, "key": KEY, "value": json.dumps(value)}
    tx.connection.execute(configuration.insert(), row)


def with_runtime(
    database_url: str,
    work: Callable[[Runtime, httpx.AsyncClient], Awaitable[None]],
    clock: Clock | None = None,
) -> None:
    """Run `work` on the loop of a server that is called without a network."""

    async def run() -> None:
        app = build_app(Settings(database_url=database_url), clock)
        transport = httpx.ASGITransport(app)
        url = "http://127.0.0.1/api"
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url=url) as api,
        ):
            await work(app.state.runtime, api)

    asyncio.run(run())
