"""When system block types are put into a database, and what happens to those that are there."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from sqlalchemy import Connection, delete, func, select, update

from ephemeral_server import EphemeralServer
from ephemeral_server.block_types.installed import KEY, ensure, restore
from ephemeral_server.block_types.store import PRESENTATION, create_type
from ephemeral_server.block_types.system.catalogue import SYSTEM_TYPES
from ephemeral_server.database.tables import block_type, configuration
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.version import PREFECT_VERSION
from tests.block_types.opened import Opened, schemas_of, types_of, with_database

ALL = sorted(type.slug for type in SYSTEM_TYPES)
PROTECTED = {"secret", "webhook", "local-file-system"}


def _pretend_other_version(tx: Transaction) -> None:
    old = update(configuration).where(configuration.c.key == KEY).values(value='"old"')
    tx.connection.execute(old)


def _delete(tx: Transaction, slug: str) -> None:
    tx.connection.execute(delete(block_type).where(block_type.c.slug == slug))


def _rename(tx: Transaction, slug: str) -> None:
    changed = update(block_type).where(block_type.c.slug == slug).values(description="changed")
    tx.connection.execute(changed)


def test_a_server_that_nobody_asks_for_blocks_does_nothing_for_them(
    server: EphemeralServer, database_url: str, api: httpx.Client
) -> None:
    assert api.post("/flows/filter", json={}).status_code == 200

    def count(connection: Connection) -> int:
        query = select(func.count()).select_from(block_type)
        return connection.execute(query).scalar_one()

    async def test(opened: Opened) -> None:
        assert await (await opened.open()).read(count) == 0

    with_database(database_url, test)


def test_the_first_request_for_blocks_finds_them(api: httpx.Client) -> None:
    types = api.post("/block_types/filter", json={}).json()

    assert sorted(type["slug"] for type in types) == ALL
    assert {type["slug"] for type in types if type["is_protected"]} == PROTECTED


def test_each_has_its_schema_in_the_version_that_is_offered(database_url: str) -> None:
    async def test(opened: Opened) -> None:
        database = await opened.open()
        await ensure(database)

        assert await schemas_of(database) == [(slug, PREFECT_VERSION) for slug in ALL]

    with_database(database_url, test)


def test_nothing_is_told_of_them(database_url: str) -> None:
    async def test(opened: Opened) -> None:
        database = await opened.open()
        await ensure(database)
        await database.write(restore)

        assert opened.events == []

    with_database(database_url, test)


def test_servers_that_are_asked_at_once_install_them_once(database_url: str) -> None:
    async def test(opened: Opened) -> None:
        databases = [await opened.open() for _ in range(3)]
        await asyncio.gather(*[ensure(database) for database in databases * 3])

        assert sorted(await types_of(databases[0])) == ALL
        assert len(await schemas_of(databases[0])) == len(ALL)

    with_database(database_url, test)


def test_a_type_that_was_deleted_stays_away(database_url: str) -> None:
    async def test(opened: Opened) -> None:
        database = await opened.open()
        await ensure(database)
        await database.write(_delete, "smb")
        await ensure(database)
        await ensure(await opened.open())

        assert "smb" not in await types_of(database)

    with_database(database_url, test)


def test_a_version_with_other_types_renews_them_all(database_url: str) -> None:
    async def test(opened: Opened) -> None:
        database = await opened.open()
        await ensure(database)
        before = await types_of(database)
        await database.write(_delete, "smb")
        await database.write(_rename, "slack-webhook")
        await database.write(_pretend_other_version)
        opened.clock.advance(1)
        await ensure(await opened.open())

        def lasting(types: dict[str, dict[str, Any]], slug: str) -> dict[str, Any]:
            return {key: value for key, value in types[slug].items() if key != "updated"}

        after = await types_of(database)
        assert sorted(after) == ALL
        assert lasting(after, "slack-webhook") == lasting(before, "slack-webhook")
        assert after["slack-webhook"]["updated"] > before["slack-webhook"]["updated"]
        assert len(await schemas_of(database)) == len(ALL)

    with_database(database_url, test)


def test_a_type_that_somebody_has_registered_before_keeps_its_id(database_url: str) -> None:
    async def test(opened: Opened) -> None:
        database = await opened.open()
        given = {**dict.fromkeys(PRESENTATION), "name": "mine", "slug": "secret"}
        own = await database.write(create_type, given)
        await ensure(database)

        secret = (await types_of(database))["secret"]
        assert secret["id"] == own["id"]
        assert (secret["name"], secret["is_protected"]) == ("Secret", True)

    with_database(database_url, test)


def test_the_install_route_restores_the_protected_types_alone(api: httpx.Client) -> None:
    types = {type["slug"]: type for type in api.post("/block_types/filter", json={}).json()}
    for slug in ("secret", "smb"):
        api.patch(f"/block_types/{types[slug]['id']}", json={"description": "changed"})
    answer = api.post("/block_types/install_system_block_types")

    assert (answer.status_code, answer.json()) == (200, None)
    assert _description(api, "secret") == types["secret"]["description"]
    assert _description(api, "smb") == "changed"


def _description(api: httpx.Client, slug: str) -> str:
    description: str = api.get(f"/block_types/slug/{slug}").json()["description"]
    return description
