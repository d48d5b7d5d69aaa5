"""Block types: lists and filters."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.block_types.schemas import BlockType
from ephemeral_server.database.tables import block_schema
from tests.api.block_types.types import new_type
from tests.api.shapes import assert_shape
from tests.application import Application


def _names(application: Application, **query: Any) -> list[str]:
    reply = application.post("/block_types/filter", query)
    assert reply.status_code == 200, reply.text
    assert_shape(list[BlockType], reply.json())
    return [type["name"] for type in reply.json()]


def _named(mark: str) -> dict[str, Any]:
    return {"name": {"like_": mark}}


def test_types_are_listed_by_name_in_pages(application: Application) -> None:
    mark = str(uuid4())
    for letter in "bcaB":
        new_type(application, name=f"{letter} {mark}")

    listed = _names(application, block_types=_named(mark))
    assert [name[0] for name in listed] == ["B", "a", "b", "c"]
    assert _names(application, block_types=_named(mark), limit=2, offset=1) == listed[1:3]


def test_a_part_of_the_name_is_enough_in_any_case(application: Application) -> None:
    mark = uuid4().hex
    new_type(application, name=f"One {mark}!")

    assert _names(application, block_types=_named(f"NE {mark}".upper())) == [f"One {mark}!"]


def test_types_are_found_by_their_slugs(application: Application) -> None:
    first, second, _ = (new_type(application) for _ in range(3))
    slugs = [first["slug"], second["slug"], "nobody"]

    assert _names(application, block_types={"slug": {"any_": slugs}}) == sorted(slugs[:2])
    assert _names(application, block_types={"slug": {"any_": []}}) == []


def test_all_criteria_must_hold(application: Application) -> None:
    first, second = new_type(application), new_type(application)
    both = {"slug": {"any_": [first["slug"]]}, **_named(second["name"])}

    assert _names(application, block_types=both) == []


def test_types_are_found_by_their_schemas(application: Application) -> None:
    mark = str(uuid4())
    able, unable, _ = (new_type(application, name=f"{what} {mark}") for what in "abc")
    for type, capabilities in ((able, '["x","y"]'), (unable, '["x"]')):
        application.insert(
            block_schema,
            checksum=str(uuid4()),
            version="1",
            fields="{}",
            capabilities=capabilities,
            block_type_id=type["id"],
        )

    def found(**schemas: Any) -> list[str]:
        names = _names(application, block_types=_named(mark), block_schemas=schemas)
        return [name[0] for name in names]

    assert found(block_capabilities={"all_": ["y", "x"]}) == ["a"]
    assert found(block_capabilities={"all_": ["x"]}) == ["a", "b"]
    assert found(block_type_id={"any_": [unable["id"]]}) == ["b"]
    assert found() == ["a", "b"]


def test_what_is_null_or_unknown_asks_for_nothing(application: Application) -> None:
    type = new_type(application)
    query = {"block_types": {"name": None, "slug": {"any_": [type["slug"]]}}}
    further = {"block_schemas": None, "limit": None, "offset": None, "more": 1}

    assert _names(application, **query, **further) == [type["name"]]
    assert application.post("/block_types/filter").status_code == 200


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"block_types": {"operator": "or_"}}, ["block_types", "operator"]),
        ({"block_types": {"name": {"any_": ["x"]}}}, ["block_types", "name", "any_"]),
        ({"block_types": {"slug": {"any_": "x"}}}, ["block_types", "slug", "any_"]),
        ({"offset": -1}, ["offset"]),
        ({"limit": "x"}, ["limit"]),
    ],
)
def test_what_no_list_takes_is_refused(
    application: Application, query: dict[str, Any], place: list[str]
) -> None:
    reply = application.post("/block_types/filter", query)

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", *place]


def test_a_limit_out_of_range_is_refused(application: Application) -> None:
    reply = application.post("/block_types/filter", {"limit": 201})

    assert reply.status_code == 422
    assert reply.json() == {"detail": "Invalid limit: must be less than or equal to 200."}
