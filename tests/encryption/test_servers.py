"""What servers keep of secrets, and what they answer when they cannot open them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from ephemeral_server import ephemeral
from tests import web
from tests.api.objects import made
from tests.encryption.processes import bytes_of, key_file

SECRET = "hunter2-of-the-south"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"


def test_a_lasting_server_does_not_keep_secrets_in_clear(url: str) -> None:
    with ephemeral(database_url=url, activate=False) as server, web.client(server.api_url) as api:
        document = save(api)
        assert read(api, document).json()["data"] == {"pw": SECRET}
        assert SECRET.encode() not in bytes_of(url)
    assert SECRET.encode() not in bytes_of(url)


def test_a_temporary_database_has_no_key() -> None:
    with ephemeral(activate=False) as server, web.client(server.api_url) as api:
        document = save(api)
        assert read(api, document).json()["data"] == {"pw": SECRET}
        assert SECRET.encode() in bytes_of(server.database_url)
        assert not key_file(server.database_url).exists()


def test_who_needs_a_key_that_is_lost_is_told_what_to_do(url: str) -> None:
    with ephemeral(database_url=url, activate=False) as server, web.client(server.api_url) as api:
        document = save(api)
    key_file(url).unlink()
    with ephemeral(database_url=url, activate=False) as server, web.client(server.api_url) as api:
        for answer in (read(api, document), api.post("/block_documents/filter", json={})):
            assert answer.status_code == 424
            assert "EPHEMERAL_SERVER_ENCRYPTION_KEY" in answer.json()["detail"]
        assert api.post("/flows/", json={"name": "others-go-on"}).status_code == 201


def test_what_nobody_can_open_any_more_can_be_deleted(url: str) -> None:
    with ephemeral(database_url=url, activate=False) as server, web.client(server.api_url) as api:
        document = save(api)
    key_file(url).unlink()
    same = {key: document[key] for key in ("name", "block_type_id", "block_schema_id", "data")}
    with ephemeral(database_url=url, activate=False) as server, web.client(server.api_url) as api:
        assert api.post("/block_documents/", json={**same, "name": "other"}).status_code == 424
        assert api.delete(f"/block_documents/{document['id']}").status_code == 204
        document = made(api, "/block_documents/", same)
        assert read(api, document).json()["data"] == same["data"]
    assert key_file(url).exists()


def test_a_server_goes_on_while_its_key_is_changed(url: str) -> None:
    command = [sys.executable, "-m", "ephemeral_server", "rotate-key", "--database-url", url]
    with ephemeral(database_url=url, activate=False) as server, web.client(server.api_url) as api:
        document = save(api)
        before = key_file(url).read_text()

        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)

        assert done.stdout == "The secrets of 1 block documents are sealed anew.\n"
        assert read(api, document).json()["data"] == {"pw": SECRET}
        change = {"data": {"pw": "new"}}
        path = f"/block_documents/{document['id']}"
        assert api.patch(path, json=change).status_code == 204
        assert read(api, document).json()["data"] == {"pw": "new"}
    assert key_file(url).read_text().split()[1:] == before.split()


def save(api: httpx.Client) -> dict[str, Any]:
    """A new block document that holds the secret."""
    kind = made(api, "/block_types/", {"name": "sealed", "slug": "sealed"})["id"]
    fields = {"title": "Sealed", "type": "object", "secret_fields": ["pw"]}
    schema = made(api, "/block_schemas/", {"fields": fields, "block_type_id": kind})["id"]
    body = {"name": "mine", "block_type_id": kind, "block_schema_id": schema}
    return made(api, "/block_documents/", {**body, "data": {"pw": SECRET}})


def read(api: httpx.Client, document: dict[str, Any]) -> httpx.Response:
    return api.get(f"/block_documents/{document['id']}", params={"include_secrets": True})
