"""Blocks of users' own as the real client defines, saves, loads, changes and deletes them."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, ClassVar

import pytest
from prefect.blocks.core import Block
from prefect.blocks.fields import SecretDict
from prefect.client.schemas.objects import BlockDocument
from pydantic import BaseModel, Field, SecretStr

from tests.client.blocks import HIDDEN, load, save, values
from tests.client.history import History
from tests.client.traffic import Traffic

NEW_TYPE = "POST /block_types/"
NEW_SCHEMA = "POST /block_schemas/"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    """No block, and a part of one."""

    street: str = "é☃"
    color: Color = Color.RED
    share: float = 1.0


class Login(Block):
    """How to get in, for <b>guests</b> & others."""

    user: str
    password: SecretStr
    headers: SecretDict = Field(default_factory=lambda: SecretDict({}))


class Token(Block):
    _block_type_name = "A token: ☃"
    _block_type_slug = "a-token"
    # Texts, as users write them; the client declares what it makes of them.
    _logo_url = "https://example.com/token.png"  # type: ignore[assignment]
    _documentation_url = "https://example.com/token"  # type: ignore[assignment]

    token: SecretStr
    uses: int | None = None


class Box(Block):
    inside: Login | Token


class Shop(Block):
    _block_schema_capabilities: ClassVar[list[str]] = ["sells", "buys"]

    owner: Login
    door: Login | Token
    staff: list[Login] = Field(default_factory=list)
    guest: Login | None = None
    place: Place = Field(default_factory=Place)


def login(user: str = "bob", password: str = "his secret") -> Login:
    return Login(user=user, password=SecretStr(password))


def without_secrets(history: History, block: type[Block], name: str) -> BlockDocument:
    """What whoever may not see secrets gets to see."""
    slug = block.get_block_type_slug()
    return history.client.read_block_document_by_name(name, slug, include_secrets=False)


def test_a_block_is_saved_loaded_changed_and_deleted(history: History) -> None:
    made = login()
    made.headers = SecretDict({"Authorization": "his key", "more": {"key": "another key"}})
    id = save(made, "bob")
    loaded = load(Login, "bob")
    assert values(loaded) == values(made)
    assert loaded.password.get_secret_value() == "his secret"
    assert loaded.headers.get_secret_value() == made.headers.get_secret_value()
    assert values(Login.load_from_ref(id)) == values(made)

    with pytest.raises(ValueError, match="already in use"):
        login("eve").save("bob")
    made.user, made.password = "robert", SecretStr("new secret")
    assert made.save("bob", overwrite=True) == id
    assert login("rob").save("bob", overwrite=True) == id
    assert values(load(Login, "bob")) == values(login("rob"))

    Login.delete("bob")
    with pytest.raises(ValueError, match="Unable to find block document named bob"):
        load(Login, "bob")
    with pytest.raises(ValueError, match="Unable to find block document named bob"):
        Login.delete("bob")


def test_async_code_saves_loads_and_deletes_blocks_too(history: History) -> None:
    async def work() -> Login:
        await login().asave("bob")
        await login("rob").asave("bob", overwrite=True)
        loaded = await Login.aload("bob")
        await Login.adelete("bob")
        return loaded

    assert values(asyncio.run(work())) == values(login("rob"))
    assert history.client.read_block_documents() == []


def test_what_has_not_changed_is_registered_once(history: History, traffic: Traffic) -> None:
    shop = Shop(owner=login(), door=Token(token=SecretStr("t")), staff=[login("ann")])
    for name in ("one", "two"):
        shop.save(name)
    # A schema that the server had under another checksum would be sent again.
    assert traffic.statuses(NEW_SCHEMA) == [201] * 3
    assert traffic.statuses(NEW_TYPE) == [201] * 3
    assert traffic.statuses("PATCH /block_types/{id}") == []
    for block in (Login, Token, Shop):
        found = history.client.read_block_schema_by_checksum(block._calculate_schema_checksum())
        assert found.checksum == block._calculate_schema_checksum()
        assert found.fields["title"] == block.__name__
    assert sorted(found.capabilities) == ["buys", "sells"]
    assert found.fields["block_schema_references"]["owner"]["block_type_slug"] == "login"
    assert set(found.fields["definitions"]) == {"Login", "Token", "Place", "Color"}


def test_a_type_is_what_its_class_says(history: History, traffic: Traffic) -> None:
    Token.register_type_and_schema()
    kept = history.client.read_block_type_by_slug("a-token")
    assert (kept.name, kept.is_protected) == ("A token: ☃", False)
    assert str(kept.logo_url) == "https://example.com/token.png"
    assert str(kept.documentation_url) == "https://example.com/token"
    Login.register_type_and_schema()
    Login.register_type_and_schema()
    assert traffic.statuses("PATCH /block_types/{id}") == []
    slugs = [each.slug for each in history.client.read_block_types()]
    assert {"a-token", "login"} <= set(slugs)
    history.client.delete_block_type(kept.id)
    assert "a-token" not in [each.slug for each in history.client.read_block_types()]


def test_blocks_within_a_block_follow_what_they_were_saved_as(history: History) -> None:
    owner, ann = login(), login("ann")
    for block in (owner, ann):
        block.save(block.user)
    shop = Shop(owner=owner, door=ann, staff=[ann, login("joe")], guest=owner)
    shop.save("shop")
    assert values(load(Shop, "shop")) == values(shop)
    owner.user = "robert"
    owner.save("bob", overwrite=True)

    loaded: Any = load(Block, "shop/shop")
    assert type(loaded) is Shop
    within = [loaded.owner, loaded.guest, loaded.door]
    assert values(within) == values([owner, owner, ann])
    # The members of a list are copies.
    assert [each.user for each in loaded.staff] == ["ann", "joe"]
    assert loaded.owner._block_document_name == "bob"
    assert loaded.place == Place()

    loaded.guest, loaded.place = None, Place(color=Color.BLUE, share=0.5)
    loaded.save("shop", overwrite=True)
    changed = load(Shop, "shop")
    assert (changed.guest, changed.place) == (None, loaded.place)
    within = [changed.owner, changed.door, *changed.staff]
    assert values(within) == values([owner, ann, *shop.staff])

    Login.delete("bob")
    with pytest.raises(RuntimeError, match="failed validation"):
        load(Shop, "shop")


def test_each_of_several_kinds_of_blocks_comes_back_as_what_it_was(history: History) -> None:
    token = Token(token=SecretStr("t"), uses=3)
    for name, inside in [("a", token), ("b", login())]:
        save(Box.model_validate({"inside": inside}), name)
    save(token, "token")
    save(Box(inside=token), "c")
    kept = [load(Box, name).inside for name in ("a", "b", "c")]
    assert values(kept) == values([token, login(), token])


def test_no_secret_is_told_to_those_who_may_not_see_it(history: History) -> None:
    owner = login()
    owner.headers = SecretDict({"Authorization": "his secret", "more": {"key": "his secret"}})
    owner.save("bob")
    assert without_secrets(history, Login, "bob").data == {
        "user": "bob",
        "password": HIDDEN,
        "headers": {"Authorization": HIDDEN, "more": {"key": HIDDEN}},
    }
    token = Token(token=SecretStr("his secret"))
    Shop(owner=owner, door=token, staff=[login(), owner], guest=login("ann")).save("shop")
    told = without_secrets(history, Shop, "shop")
    assert "his secret" not in told.model_dump_json()
    assert told.data["staff"][0]["user"] == "bob"
    assert told.data["door"]["token"] == HIDDEN
    for each in history.client.read_block_documents(include_secrets=False):
        assert "his secret" not in each.model_dump_json()


def test_what_hides_secrets_does_not_overwrite_them(history: History) -> None:
    owner, ann = login(), login("ann", "her secret")
    for each in (owner, ann):
        each.headers = SecretDict({"Authorization": f"key of {each.user}"})
    shop = Shop(owner=owner, door=Token(token=SecretStr("t")), staff=[ann, owner])
    shop.save("shop")
    hidden = without_secrets(history, Shop, "shop")
    edited = Shop._from_block_document(hidden)
    edited.place = Place(color=Color.BLUE)
    edited.save("shop", overwrite=True)
    kept = load(Shop, "shop")
    shop.place = edited.place
    assert values(kept) == values(shop)


def test_a_saved_block_can_take_on_a_changed_class(history: History) -> None:
    def version(fields: dict[str, Any]) -> type[Block]:
        body = {"__annotations__": {name: type(value) for name, value in fields.items()}, **fields}
        slug = {"_block_type_slug": "changing", "__module__": __name__}
        return type("Changing", (Block,), {**body, **slug})

    first = version({"a": 1})
    first.model_validate({"a": 2}).save("kept")
    second = version({"a": 1, "b": "new"})
    loaded: Any = second.load("kept", validate=False)
    assert loaded.a == 2
    second.model_validate({"a": 3, "b": "set"}).save("kept", overwrite=True)
    loaded = load(second, "kept")
    assert (loaded.a, loaded.b) == (3, "set")
    kept = history.client.read_block_document_by_name("kept", "changing")
    assert kept.block_schema is not None
    assert kept.block_schema.checksum == second._calculate_schema_checksum()
    type_id = kept.block_type_id
    newest = history.client.get_most_recent_block_schema_for_block_type(type_id)
    assert newest is not None
    assert newest.id == kept.block_schema_id


def test_saved_blocks_are_listed_by_type_and_by_name(history: History) -> None:
    for name in ("b", "a"):
        login(name).save(name)
    Token(token=SecretStr("t")).save("t")
    assert [each.name for each in history.client.read_block_documents()] == ["a", "b", "t"]
    assert [each.name for each in history.client.read_block_documents(offset=1, limit=1)] == ["b"]
    of_login = history.client.read_block_documents_by_type("login")
    assert [(each.name, each.data["password"]) for each in of_login] == [
        ("a", "his secret"),
        ("b", "his secret"),
    ]
    checksums = {each.checksum for each in history.client.read_block_schemas()}
    assert Token._calculate_schema_checksum() in checksums


def test_a_block_without_a_name_is_found_by_its_id_only(history: History) -> None:
    id = login()._save_sync(is_anonymous=True)
    for reference in (id, str(id), {"block_document_id": str(id)}):
        assert values(Login.load_from_ref(reference)) == values(login())
    assert history.client.read_block_documents() == []
    kept = history.client.read_block_document(id)
    assert kept.is_anonymous
    assert str(kept.name).startswith("anonymous-")
