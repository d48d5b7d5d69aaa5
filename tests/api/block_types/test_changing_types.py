"""Block types: how they are changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.block_types.types import PRESENTED, new_type, told_of
from tests.api.objects import NOBODY
from tests.application import Application


def _changed(
    application: Application, type: dict[str, Any], changes: dict[str, Any]
) -> dict[str, Any]:
    """The type a second later, after a change."""
    application.clock.advance(1)
    path = f"/block_types/{type['id']}"
    reply = application.patch(path, changes)
    assert (reply.status_code, reply.content) == (204, b"")
    changed: dict[str, Any] = application.get(path).json()
    return changed


@pytest.mark.parametrize("key", PRESENTED)
@pytest.mark.parametrize("value", ["another", None])
def test_one_member_is_changed_and_the_others_stay(
    application: Application, key: str, value: str | None
) -> None:
    type = new_type(application, **PRESENTED)
    changed = _changed(application, type, {key: value})

    assert changed == {**type, key: value, "updated": changed["updated"]}
    assert changed["updated"] > type["updated"]


def test_a_change_is_told_with_how_the_type_is_now(application: Application) -> None:
    type = new_type(application, **PRESENTED)
    _changed(application, type, {"description": "new"})

    event = application.events[-1]
    assert event.event == "prefect.block-type.updated"
    assert event.payload == {
        **PRESENTED,
        "name": type["name"],
        "slug": type["slug"],
        "description": "new",
        "is_protected": False,
    }


def test_texts_of_a_change_are_kept_as_they_are(application: Application) -> None:
    changed = _changed(application, new_type(application), {"description": "a <b> &amp; c"})

    assert changed["description"] == "a <b> &amp; c"


def test_a_client_that_says_what_is_known_changes_nothing(application: Application) -> None:
    given = {**PRESENTED, "description": "a <b>", "code_example": "x & y"}
    type = new_type(application, **given)

    assert _changed(application, type, given) == type
    assert told_of(application, type) == ["created"]


@pytest.mark.parametrize("key", PRESENTED)
def test_a_client_that_says_something_else_changes_the_type(
    application: Application, key: str
) -> None:
    type = new_type(application, **{**PRESENTED, key: None})

    assert _changed(application, type, {**PRESENTED, key: ""})[key] == ""
    assert told_of(application, type) == ["created", "updated"]


def test_a_change_of_nothing_is_a_change(application: Application) -> None:
    type = new_type(application)

    assert _changed(application, type, {})["updated"] > type["updated"]
    assert told_of(application, type) == ["created", "updated"]


@pytest.mark.parametrize("key", ["name", "slug", "is_protected", "more"])
def test_nothing_else_can_be_changed(application: Application, key: str) -> None:
    type = new_type(application)
    reply = application.patch(f"/block_types/{type['id']}", {key: "x"})

    assert reply.status_code == 422
    [error] = reply.json()["exception_detail"]
    assert (error["loc"], error["type"]) == (["body", key], "extra_forbidden")


def test_a_type_that_is_not_there_cannot_be_changed(application: Application) -> None:
    reply = application.patch(f"/block_types/{NOBODY}", {})

    assert reply.status_code == 404
    assert reply.json() == {"detail": "Block type not found"}
