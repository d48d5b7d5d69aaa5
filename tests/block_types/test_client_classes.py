"""System block types beside the classes of the Prefect client."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.block_types.system.catalogue import SYSTEM_TYPES
from ephemeral_server.version import PREFECT_VERSION
from tests import web


@pytest.fixture
def served(prefect_client_started: None) -> Any:
    with ephemeral() as server:
        yield server


def test_schemas_are_those_of_the_client_but_for_the_wording(served: EphemeralServer) -> None:
    with web.client(served.api_url) as api:
        for type in SYSTEM_TYPES:
            block = getattr(importlib.import_module(type.module), type.title)
            ours = _schema(api, type.slug)
            block.register_type_and_schema()
            theirs = _schema(api, type.slug)

            assert ours["id"] != theirs["id"]
            assert _bare(ours) == _bare(theirs), type.slug
            assert ours["version"] == PREFECT_VERSION


def _schema(api: Any, slug: str) -> dict[str, Any]:
    """The newest schema of a type."""
    type = api.get(f"/block_types/slug/{slug}").json()
    query = {"block_schemas": {"block_type_id": {"any_": [type["id"]]}}, "limit": 1}
    [schema] = api.post("/block_schemas/filter", json=query).json()
    return dict(schema)


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "fields": _without_wording(schema["fields"]),
        "secrets": set(schema["fields"]["secret_fields"]),
        "capabilities": set(schema["capabilities"]),
    }


def _without_wording(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_wording(item) for item in value]
    if not isinstance(value, dict):
        return value
    wording = {"description", "examples", "secret_fields"}
    return {key: _without_wording(item) for key, item in value.items() if key not in wording}
