"""Clients that register one block at the same time."""

from __future__ import annotations

from collections import Counter

import httpx

from tests.api.objects import made
from tests.crowd import MANY, at_once


def test_one_makes_the_schema_and_all_get_it(api: httpx.Client) -> None:
    type = made(api, "/block_types/", {"name": "Raced", "slug": "raced"})
    child = {"title": "Child", "block_type_slug": "raced"}
    fields = {
        "properties": {"child": {"$ref": "#/definitions/Child"}},
        "block_schema_references": {
            "child": {"block_type_slug": "raced", "block_schema_checksum": "sha256:unknown"}
        },
        "definitions": {"Child": child},
    }
    body = {"block_type_id": type["id"], "fields": fields}

    replies = at_once(lambda _: api.post("/block_schemas/", json=body))

    assert Counter(reply.status_code for reply in replies) == {201: 1, 200: MANY - 1}
    assert len({reply.json()["id"] for reply in replies}) == 1
    own = {"block_schemas": {"block_type_id": {"any_": [type["id"]]}}}
    assert len(api.post("/block_schemas/filter", json=own).json()) == 2
