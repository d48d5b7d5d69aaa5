"""Saved searches: put, read, list, delete."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.application import Application

CRITERION = {
    "object": "flow_run",
    "property": "state",
    "type": "string",
    "operation": "equals",
    "value": {"any": ["é", 1, None]},
}


def _put(application: Application, name: str, **members: Any) -> tuple[int, dict[str, Any]]:
    reply = application.request("PUT", "/saved_searches/", {"name": name, **members})
    return reply.status_code, reply.json()


def test_a_new_search_is_kept_with_its_filters(application: Application) -> None:
    name = f"mine {uuid4()}"
    code, search = _put(application, name, filters=[CRITERION])

    assert code == 201
    assert search["name"] == name
    assert search["filters"] == [CRITERION]
    assert application.get(f"/saved_searches/{search['id']}").json() == search


def test_a_search_of_the_same_name_replaces_the_filters(application: Application) -> None:
    name = str(uuid4())
    _, first = _put(application, name, filters=[CRITERION])
    application.clock.advance(1)

    assert _put(application, name) == (200, {**first, "filters": []})
    assert application.get(f"/saved_searches/{first['id']}").json()["filters"] == []


def test_a_name_may_be_empty(application: Application) -> None:
    _, search = _put(application, "")

    assert search["name"] == ""


def test_a_deleted_search_is_gone(application: Application) -> None:
    _, search = _put(application, str(uuid4()))
    path = f"/saved_searches/{search['id']}"

    assert application.delete(path).status_code == 204
    for reply in (application.get(path), application.delete(path)):
        assert reply.status_code == 404
        assert reply.json() == {"detail": "Saved search not found"}


def test_searches_are_listed_by_name(application: Application) -> None:
    mark = str(uuid4())
    for letter in "bcaB":
        _put(application, f"{mark}{letter}")
    everything = application.post("/saved_searches/filter").json()
    mine = [search for search in everything if search["name"].startswith(mark)]

    assert [search["name"][-1] for search in mine] == ["B", "a", "b", "c"]
    at = everything.index(mine[1])
    page = application.post("/saved_searches/filter", {"limit": 2, "offset": at}).json()
    assert page == mine[1:3]


def test_a_limit_out_of_range_is_refused(application: Application) -> None:
    reply = application.post("/saved_searches/filter", {"limit": 201})

    assert reply.status_code == 422
    assert reply.json() == {"detail": "Invalid limit: must be less than or equal to 200."}


def test_a_criterion_needs_all_its_members(application: Application) -> None:
    for member in CRITERION:
        filters = [{key: value for key, value in CRITERION.items() if key != member}]
        code, answer = _put(application, str(uuid4()), filters=filters)

        assert code == 422
        assert answer["exception_detail"][0]["loc"] == ["body", "filters", 0, member]
