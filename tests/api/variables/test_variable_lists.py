"""Which variables are listed and counted, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.application import Application


@pytest.fixture
def mark(application: Application) -> str:
    """What the names of four variables begin with: b, a, c and ca, from the oldest."""
    mark = f"m{len(application.post('/variables/filter').json())}x"
    for name, tags in (("b", []), ("a", ["x"]), ("c", ["x", "y"]), ("ca", ["y", "x", "x"])):
        application.clock.advance(1)
        body = {"name": mark + name, "value": name, "tags": tags}
        assert application.post("/variables/", body).status_code == 201
    return mark


def listed(application: Application, mark: str, **query: Any) -> list[str]:
    """The names that are listed of those that begin with `mark`, without it."""
    query["variables"] = {"name": {"like_": mark}, **query.get("variables", {})}
    answer = application.post("/variables/filter", query)
    assert answer.status_code == 200, answer.text
    count = application.post("/variables/count", {"variables": query["variables"]}).json()
    if "limit" not in query:
        assert count == len(answer.json())
    return [variable["name"].removeprefix(mark) for variable in answer.json()]


def test_variables_are_listed_by_name(application: Application, mark: str) -> None:
    assert listed(application, mark) == ["a", "b", "c", "ca"]
    assert listed(application, mark, sort=None) == ["a", "b", "c", "ca"]


def test_a_list_has_the_order_asked_for(application: Application, mark: str) -> None:
    application.clock.advance(1)
    application.patch(f"/variables/name/{mark}b", {})

    assert listed(application, mark, sort="NAME_DESC") == ["ca", "c", "b", "a"]
    assert listed(application, mark, sort="CREATED_DESC") == ["ca", "c", "a", "b"]
    assert listed(application, mark, sort="UPDATED_DESC") == ["b", "ca", "c", "a"]


def test_a_page_is_a_part_of_the_list(application: Application, mark: str) -> None:
    assert listed(application, mark, limit=2, offset=1) == ["b", "c"]
    assert listed(application, mark, limit=0) == []


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, ["a", "b", "c", "ca"]),
        ({"tags": {"all_": ["x"]}}, ["a", "c", "ca"]),
        ({"tags": {"all_": ["y", "x"]}}, ["c", "ca"]),
        ({"tags": {"all_": ["x", "z"]}}, []),
        ({"tags": {"all_": []}}, ["a", "b", "c", "ca"]),
        ({"tags": {"is_null_": True}}, ["b"]),
        ({"tags": {"is_null_": False}}, ["a", "c", "ca"]),
        ({"tags": {"is_null_": True, "all_": ["x"]}}, []),
        ({"tags": {"is_null_": True, "all_": ["y"], "operator": "or_"}}, ["b", "c", "ca"]),
        ({"id": {"any_": []}}, []),
        ({"id": {}, "tags": {}}, ["a", "b", "c", "ca"]),
    ],
)
def test_a_filter_restricts_list_and_count(
    application: Application, mark: str, criteria: dict[str, Any], found: list[str]
) -> None:
    assert listed(application, mark, variables=criteria) == found


def test_names_are_found_exactly_and_by_a_part(application: Application, mark: str) -> None:
    assert listed(application, mark, variables={"name": {"like_": f"{mark.upper()}C"}}) == [
        "c",
        "ca",
    ]
    assert listed(application, mark, variables={"name": {"any_": [f"{mark}c", mark]}}) == ["c"]


def test_one_criterion_may_be_enough(application: Application, mark: str) -> None:
    id = application.get(f"/variables/name/{mark}a").json()["id"]
    criteria = {"operator": "or_", "id": {"any_": [id]}, "name": {"any_": [f"{mark}b"]}}
    assert listed(application, mark, variables=criteria) == ["a", "b"]


def test_all_variables_are_counted_without_a_body(application: Application, mark: str) -> None:
    everything = application.post("/variables/filter").json()
    assert application.post("/variables/count").json() == len(everything)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 201},
        {"limit": -1},
        {"offset": -1},
        {"sort": "ID_DESC"},
        {"variables": {"tags": {"any_": ["x"]}}},
        {"variables": {"name": {"startswith_": ["x"]}}},
        {"variables": {"value": {"any_": [1]}}},
    ],
)
def test_a_query_of_another_shape_is_refused(
    application: Application, query: dict[str, Any]
) -> None:
    assert application.post("/variables/filter", query).status_code == 422
