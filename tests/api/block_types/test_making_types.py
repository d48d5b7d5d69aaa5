"""Block types: how they are made and found."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.block_types.schemas import BlockType
from tests.api.block_types.types import PRESENTED, new_type, told_of
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.application import Application

SLUG = "Value error, Block type slug must only contain lowercase letters, numbers, and dashes."
NAME = "String should match pattern '^[^/%&><]+$'"


def _refusal(application: Application, **given: Any) -> dict[str, Any]:
    reply = application.post("/block_types/", {"name": "n", "slug": str(uuid4()), **given})
    assert reply.status_code == 422
    [error] = reply.json()["exception_detail"]
    return {"loc": error["loc"], "msg": error["msg"]}


def test_a_type_is_found_by_its_id_and_by_its_slug(application: Application) -> None:
    made = new_type(application, **PRESENTED)

    assert_shape(BlockType, made)
    assert made.items() >= {**PRESENTED, "is_protected": False}.items()
    assert application.get(f"/block_types/{made['id']}").json() == made
    assert application.get(f"/block_types/slug/{made['slug']}").json() == made


def test_what_is_not_given_is_null(application: Application) -> None:
    made = new_type(application)

    assert {made[key] for key in PRESENTED} == {None}


def test_a_new_type_is_told_of(application: Application) -> None:
    made = new_type(application, **PRESENTED)

    [event] = [e for e in application.events if made["id"] in e.resource["prefect.resource.id"]]
    assert event.event == "prefect.block-type.created"
    assert event.resource == {
        "prefect.resource.id": f"prefect.block-type.{made['id']}",
        "prefect.resource.name": made["name"],
    }
    assert event.related == []
    told = ("name", "slug", *PRESENTED, "is_protected")
    assert event.payload == {key: made[key] for key in told}


def test_a_slug_can_be_taken_once(application: Application) -> None:
    made = new_type(application)
    reply = application.post("/block_types/", {"name": "other", "slug": made["slug"]})

    assert reply.status_code == 409
    assert reply.json() == {"detail": 'Block type with name "other" already exists'}
    assert told_of(application, made) == ["created"]


def test_types_may_share_a_name(application: Application) -> None:
    first = new_type(application, name="shared")
    second = new_type(application, name="shared")

    assert first["id"] != second["id"]
    assert first["slug"] != second["slug"]


@pytest.mark.parametrize("slug", ["A", "a_b", "a b", "é", "a\n", "a/b"])
def test_a_slug_has_only_small_letters_digits_and_dashes(
    application: Application, slug: str
) -> None:
    assert _refusal(application, slug=slug) == {"loc": ["body", "slug"], "msg": SLUG}


@pytest.mark.parametrize("name", ["", "a/b", "a%", "a&b", "a<b", "a>b"])
def test_a_name_has_no_characters_of_urls(application: Application, name: str) -> None:
    assert _refusal(application, name=name) == {"loc": ["body", "name"], "msg": NAME}


def test_a_name_may_hold_anything_else(application: Application) -> None:
    name = "Mein Block: 1 🎉"

    assert new_type(application, name=name)["name"] == name


@pytest.mark.parametrize("name", ["Prefect", "prefect-like", "PREFECT x"])
def test_names_that_begin_with_prefect_are_reserved(application: Application, name: str) -> None:
    reply = application.post("/block_types/", {"name": name, "slug": str(uuid4())})

    assert reply.status_code == 403
    assert reply.json() == {"detail": "Block type names beginning with 'Prefect' are reserved."}


@pytest.mark.parametrize("key", ["is_protected", "id", "more"])
def test_nobody_can_set_what_a_type_does_not_take(application: Application, key: str) -> None:
    expected = {"loc": ["body", key], "msg": "Extra inputs are not permitted"}

    assert _refusal(application, **{key: True}) == expected


@pytest.mark.parametrize("key", ["name", *PRESENTED])
def test_text_that_no_database_stores_is_refused(application: Application, key: str) -> None:
    assert _refusal(application, **{key: "a\x00b"})["loc"] == ["body", key]


def test_the_texts_of_a_new_type_can_be_put_into_a_page(application: Application) -> None:
    made = new_type(application, description='a <b> & "c"', code_example="x < y &amp; z")

    assert made["description"] == 'a &lt;b&gt; &amp; "c"'
    assert made["code_example"] == "x &lt; y &amp;amp; z"


def test_spaces_around_urls_are_dropped(application: Application) -> None:
    made = new_type(application, logo_url=" https://a ", documentation_url="\n https://b\t")

    assert (made["logo_url"], made["documentation_url"]) == ("https://a", "https://b")


@pytest.mark.parametrize("path", [NOBODY, "slug/nobody"])
def test_a_type_that_is_not_there_is_not_found(application: Application, path: str) -> None:
    reply = application.get(f"/block_types/{path}")

    assert reply.status_code == 404
    assert reply.json() == {"detail": "Block type not found"}
