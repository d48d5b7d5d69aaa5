"""The block that keeps results by default."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import httpx
import pytest

from ephemeral_server import ephemeral
from ephemeral_server.admin.routes import ServerDefaultResultStorage
from ephemeral_server.admin.storage import KEY
from tests import web
from tests.api.block_documents.documents import Blocks
from tests.api.objects import NOBODY, made
from tests.api.shapes import assert_shape
from tests.application import Application
from tests.locks import lock_waits

MEMBER = "default_result_storage_block_id"
NOTHING = {MEMBER: None}


@pytest.fixture
def storages(application: Application) -> Blocks:
    """Blocks that can keep results."""
    return Blocks(application, capabilities=("read-path", "write-path"))


def test_a_block_that_can_keep_results_does_so_from_now_on(storages: Blocks) -> None:
    for document in (storages.new(), storages.new(is_anonymous=True)):
        storages.application.get("/admin/storage")  # the answer to which is remembered
        answer = storages.application.request("PUT", "/admin/storage", {MEMBER: document.id})

        assert (answer.status_code, answer.json()) == (200, {MEMBER: document.id})
        assert_shape(ServerDefaultResultStorage, answer.json())
        assert storages.application.get("/admin/storage").json() == {MEMBER: document.id}


def test_one_that_cannot_is_refused(application: Application, storages: Blocks) -> None:
    chosen = choose(storages)
    document = Blocks(application, capabilities=("read-path",)).new()

    answer = application.request("PUT", "/admin/storage", {MEMBER: document.id})

    detail = f"Block document {document.id} cannot be used for result storage."
    assert (answer.status_code, answer.json()) == (422, {"detail": detail})
    assert application.get("/admin/storage").json() == {MEMBER: chosen}


def test_one_that_is_not_there_is_refused(application: Application) -> None:
    answer = application.request("PUT", "/admin/storage", {MEMBER: NOBODY})

    detail = f"Block document {NOBODY} not found."
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


@pytest.mark.parametrize("body", [{}, {MEMBER: None}, {MEMBER: "x"}, {MEMBER: 1}, []])
def test_one_has_to_be_named(application: Application, body: Any) -> None:
    assert application.request("PUT", "/admin/storage", body).status_code == 422


def test_what_else_is_sent_is_not_looked_at(application: Application, storages: Blocks) -> None:
    body = {MEMBER: storages.new().id, "more": 1}
    assert application.request("PUT", "/admin/storage", body).status_code == 200


def test_it_can_be_cleared(application: Application, storages: Blocks) -> None:
    choose(storages)
    assert application.delete("/admin/storage").status_code == 204
    assert application.get("/admin/storage").json() == NOTHING


@pytest.mark.parametrize("what", ["block_documents", "block_schemas", "block_types"])
def test_it_is_cleared_when_its_block_goes(
    application: Application, storages: Blocks, what: str
) -> None:
    id = choose(storages)
    ids = {"block_documents": id, "block_schemas": storages.schema["id"]}
    ids["block_types"] = storages.type["id"]
    assert application.get("/admin/storage").json() == {MEMBER: id}

    assert application.delete(f"/{what}/{ids[what]}").status_code == 204

    assert application.get("/admin/storage").json() == NOTHING


def test_it_stays_when_another_block_goes(application: Application, storages: Blocks) -> None:
    chosen, other = choose(storages), storages.new()
    assert application.delete(other.path).status_code == 204
    assert application.get("/admin/storage").json() == {MEMBER: chosen}


def test_one_chosen_while_its_type_is_deleted_is_not_left_over(postgres_url: str) -> None:
    async def run(api: httpx.Client) -> None:
        type = made(api, "/block_types/", {"name": "t", "slug": "t"})
        schema = made(api, "/block_schemas/", {"fields": {}, "block_type_id": type["id"]})
        named = {"name": "d", "block_type_id": type["id"], "block_schema_id": schema["id"]}
        chosen = json.dumps({MEMBER: made(api, "/block_documents/", named)["id"]})
        other = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
        try:
            async with other.transaction():
                await other.execute("SELECT 1 FROM block_document FOR UPDATE")
                deletion = asyncio.to_thread(api.delete, f"/block_types/{type['id']}")
                waiting = asyncio.create_task(deletion)
                await lock_waits(postgres_url, 1)
                insert = "INSERT INTO configuration VALUES ($1, 0, 0, $2, $3)"
                await other.execute(insert, NOBODY, KEY, chosen)
            assert (await waiting).status_code == 204
        finally:
            await other.close()

    with (
        ephemeral(database_url=postgres_url, activate=False) as server,
        web.client(server.api_url) as api,
    ):
        asyncio.run(asyncio.wait_for(run(api), 50))
        assert api.get("/admin/storage").json() == NOTHING


def choose(storages: Blocks) -> str:
    """Let a new block keep results; its id."""
    id = storages.new().id
    assert storages.application.request("PUT", "/admin/storage", {MEMBER: id}).status_code == 200
    return id
