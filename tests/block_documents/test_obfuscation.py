"""What is shown of data with secrets, and what becomes of it when it comes back."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from ephemeral_server.block_documents.obfuscation import (
    HIDDEN,
    obfuscated,
    restored,
    secret_fields_of,
)
from tests.block_documents.structures import (
    PLAIN,
    SECRET,
    Data,
    secret_fields,
    structure,
    texts,
    with_other_texts,
)

SEEDS = range(200)


def some_data() -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Data of random blocks, and where its secrets are."""
    for seed in SEEDS:
        random = Random(seed)
        made = structure(random)
        yield Data(random).of(made), secret_fields(made)


@pytest.mark.parametrize(
    ("path", "stored", "shown"),
    [
        ("value", {"value": "abc"}, {"value": HIDDEN}),
        ("value", {"value": 7}, {"value": HIDDEN}),
        ("value", {"value": False}, {"value": HIDDEN}),
        ("value", {"value": ""}, {"value": HIDDEN}),
        ("value", {"value": [1, 2]}, {"value": HIDDEN}),
        ("value", {"value": {}}, {"value": HIDDEN}),
        ("value", {"value": {"u": "x"}}, {"value": HIDDEN}),
        ("value", {"value": None}, {"value": None}),
        ("value", {"other": {"value": 1}}, {"other": {"value": 1}}),
        ("c.pw", {"c": {"pw": "x", "o": 1}}, {"c": {"pw": HIDDEN, "o": 1}}),
        ("c.pw", {"c": [{"pw": "x"}, {"o": 1}]}, {"c": [{"pw": HIDDEN}, {"o": 1}]}),
        ("c.pw", {"c": [[{"pw": "x"}]]}, {"c": [[{"pw": HIDDEN}]]}),
        ("c.pw", {"c": {"mine": {"pw": "x"}}}, {"c": {"mine": {"pw": HIDDEN}}}),
        ("c.pw", {"c": "text"}, {"c": "text"}),
        ("h.*", {"h": {"a": "x", "n": None}}, {"h": {"a": HIDDEN, "n": HIDDEN}}),
        ("h.*", {"h": {"k": {"z": 1, "e": {}}}}, {"h": {"k": {"z": HIDDEN, "e": HIDDEN}}}),
        ("h.*", {"h": {"l": [{"k": 1}]}}, {"h": {"l": HIDDEN}}),
        ("h.*", {"h": {}}, {"h": HIDDEN}),
        ("h.*", {"h": None}, {"h": HIDDEN}),
        ("h.*", {"hh": 1}, {"hh": 1}),
        ("c.h.*", {"c": [{"h": {"a": 1}}]}, {"c": [{"h": {"a": HIDDEN}}]}),
        ("h.*.x", {"h": {"a": {"y": 1}}}, {"h": {"a": {"y": HIDDEN}}}),
        ("*", {"a": 1, "b": {"c": 2}}, {"a": HIDDEN, "b": {"c": HIDDEN}}),
        ("*", {}, {}),
    ],
)
def test_what_is_shown(path: str, stored: dict[str, Any], shown: dict[str, Any]) -> None:
    assert obfuscated(stored, [path]) == shown


@pytest.mark.parametrize(
    ("listed", "paths"),
    [
        (["a", "b.*"], ("a", "b.*")),
        ([], ()),
        (None, ()),
        ("password", ("password",)),
        ([5, None, "a"], ("a",)),
        ({"a": 1}, ("a",)),
        (7, ()),
    ],
)
def test_where_a_schema_says_that_secrets_are(listed: Any, paths: tuple[str, ...]) -> None:
    assert secret_fields_of(json.dumps({"secret_fields": listed})) == paths


def test_a_schema_that_lists_no_secrets_has_none() -> None:
    assert secret_fields_of("{}") == ()


def test_all_secrets_are_hidden_and_nothing_else() -> None:
    for data, paths in some_data():
        before = copy.deepcopy(data)
        shown = obfuscated(data, paths)
        assert texts(shown, SECRET) == set()
        assert texts(shown, PLAIN) == texts(data, PLAIN)
        assert data == before


def test_what_is_hidden_stays_as_it_is() -> None:
    for data, paths in some_data():
        shown = obfuscated(data, paths)
        assert obfuscated(shown, paths) == shown


def test_data_that_comes_back_as_it_was_shown_is_as_it_was() -> None:
    for data, paths in some_data():
        shown = obfuscated(data, paths)
        assert restored(shown, shown, data) == data


def test_secrets_stay_where_other_data_changes() -> None:
    for data, paths in some_data():
        shown = obfuscated(data, paths)
        assert restored(with_other_texts(shown), shown, data) == with_other_texts(data)


def test_secrets_move_with_the_items_of_a_list() -> None:
    for seed in SEEDS:
        random = Random(seed)
        made, data = structure(random), Data(random)
        stored = [data.of(made) for _ in range(5)]
        shown = obfuscated({"list": stored}, secret_fields(made, "list."))["list"]
        order = random.sample(range(5), random.randrange(1, 6))
        given = [shown[place] for place in order]
        assert restored(given, shown, stored) == [stored[place] for place in order], seed


@pytest.mark.parametrize(
    ("given", "shown", "stored", "found"),
    [
        ("new", HIDDEN, "x", "new"),
        (None, HIDDEN, "x", None),
        (HIDDEN, HIDDEN, {"u": "x"}, {"u": "x"}),
        (
            HIDDEN,
            {"a": HIDDEN, "b": {"c": HIDDEN}},
            {"a": 1, "b": {"c": 2}},
            {"a": 1, "b": {"c": 2}},
        ),
        (HIDDEN, {"a": HIDDEN, "b": 1}, {"a": 1, "b": 1}, HIDDEN),
        ({"a": HIDDEN, "new": HIDDEN}, {"a": HIDDEN}, {"a": 1}, {"a": 1, "new": HIDDEN}),
        ({"a": {"b": 1}}, {"a": HIDDEN}, {"a": 2}, {"a": {"b": 1}}),
    ],
    ids=[
        "another",
        "null",
        "a subtree",
        "what was shown as a subtree",
        "no secret",
        "a new key",
        "an object for a secret",
    ],
)
def test_what_is_kept_of_a_secret(given: Any, shown: Any, stored: Any, found: Any) -> None:
    assert restored(given, shown, stored) == found


def test_a_changed_item_does_not_get_the_secret_of_one_that_is_gone() -> None:
    stored = [{"id": 1, "pw": "one"}, {"id": 2, "pw": "two"}, {"id": 3, "pw": "three"}]
    shown = [{**item, "pw": HIDDEN} for item in stored]
    given = [{"id": 9, "pw": HIDDEN}, {"id": 3, "pw": HIDDEN}]
    assert restored(given, shown, stored) == [given[0], stored[2]]


def test_a_changed_item_among_moved_ones_keeps_its_secret() -> None:
    stored = [{"id": 1, "pw": "one"}, {"id": 2, "pw": "two"}]
    shown = [{**item, "pw": HIDDEN} for item in stored]
    given = [shown[1], {"id": 9, "pw": HIDDEN}]
    assert restored(given, shown, stored) == [stored[1], {"id": 9, "pw": "one"}]
