"""Block schemas are found by id, by checksum, and by filters; what blocks are capable of."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.block_schemas.blocks import fields_of, new_schema, new_type
from tests.api.objects import NOBODY
from tests.application import Application


def _filter(application: Application, **body: Any) -> list[dict[str, Any]]:
    reply = application.post("/block_schemas/filter", body)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()
    return found


def test_a_schema_is_found_by_checksum_and_version(application: Application) -> None:
    type = new_type(application)
    fields = fields_of(type)
    schemas = {v: new_schema(application, type, fields, version=v) for v in ("1", "2", "")}
    path = f"/block_schemas/checksum/{schemas['1']['checksum']}"

    for version, schema in schemas.items():
        assert application.get(path, params={"version": version}).json() == schema
    assert application.get(path, params={"version": "3"}).status_code == 404


def test_without_a_version_the_newest_schema_is_found(application: Application) -> None:
    type = new_type(application)
    fields = fields_of(type)
    for version in ("2", "1"):
        application.clock.advance(1)
        newest = new_schema(application, type, fields, version=version)

    path = f"/block_schemas/checksum/{newest['checksum']}"
    assert application.get(path).json() == newest


@pytest.mark.parametrize("path", [NOBODY, "checksum/sha256:0", "checksum/sha256:0?version=1"])
def test_a_schema_that_is_not_there_is_not_found(application: Application, path: str) -> None:
    reply = application.get(f"/block_schemas/{path}")

    assert reply.status_code == 404
    assert reply.json() == {"detail": "Block schema not found"}


def test_schemas_are_listed_from_the_newest_on_in_pages(application: Application) -> None:
    type = new_type(application)
    made: list[dict[str, Any]] = []
    for _ in range(3):
        application.clock.advance(1)
        made.insert(0, new_schema(application, type))
    own = {"block_type_id": {"any_": [type["id"]]}}

    assert _filter(application, block_schemas=own) == made
    assert _filter(application, block_schemas=own, limit=1) == made[:1]
    assert _filter(application, block_schemas=own, limit=2, offset=1) == made[1:]


def test_nulls_and_unknown_members_of_a_query_are_passed_over(application: Application) -> None:
    reply = application.post(
        "/block_schemas/filter",
        {"block_schemas": None, "limit": None, "offset": None, "nobody": 1},
    )

    assert reply.status_code == 200
    assert reply.json() == application.post("/block_schemas/filter").json()


def test_schemas_are_found_by_id_version_and_capabilities(application: Application) -> None:
    type = new_type(application)
    plain = new_schema(application, type, version="1")
    able = new_schema(application, type, version="2", capabilities=["a", "b"])
    own = {"block_type_id": {"any_": [type["id"]]}}

    def found(**criteria: Any) -> list[dict[str, Any]]:
        return _filter(application, block_schemas={**own, **criteria})

    assert found(id={"any_": [plain["id"]]}) == [plain]
    assert found(version={"any_": ["2", "3"]}) == [able]
    assert found(block_capabilities={"all_": ["b"]}) == [able]
    assert found(block_capabilities={"all_": ["b", "a"]}) == [able]
    assert found(block_capabilities={"all_": ["a", "c"]}) == []
    assert len(found(block_capabilities={"all_": []})) == 2
    assert found(id={"any_": []}) == []


def test_criteria_may_be_joined_by_or(application: Application) -> None:
    type = new_type(application)
    version = str(uuid4())
    one = new_schema(application, type)
    other = new_schema(application, type, version=version)
    found = _filter(
        application,
        block_schemas={
            "operator": "or_",
            "id": {"any_": [one["id"]]},
            "version": {"any_": [version]},
        },
    )

    assert {schema["id"] for schema in found} == {one["id"], other["id"]}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": -1},
        {"offset": -1},
        {"block_schemas": {"nobody": {}}},
        {"block_schemas": {"block_capabilities": {"any_": ["a"]}}},
        {"block_schemas": {"block_type_id": {"any_": ["x"]}}},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    application: Application, body: dict[str, Any]
) -> None:
    assert application.post("/block_schemas/filter", body).status_code == 422


def test_capabilities_of_all_schemas_are_listed_once(application: Application) -> None:
    type = new_type(application)
    mark = str(uuid4())
    for names in (["x", "y"], ["y", "x"], ["z", "z"]):
        new_schema(application, type, capabilities=[mark + name for name in names])
    names = application.get("/block_capabilities/").json()

    assert [name for name in names if name.startswith(mark)] == [mark + x for x in "xyz"]
