"""The checksums of block schemas are those that clients compute."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ephemeral_server.block_schemas.checksum import checksum
from tests.block_schemas import vectors


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(vectors.ALONE, vectors.ALONE_CHECKSUM, id="alone"),
        pytest.param(vectors.HOLDING_ONE, vectors.HOLDING_ONE_CHECKSUM, id="holding one"),
        pytest.param(vectors.HOLDING_MANY, vectors.HOLDING_MANY_CHECKSUM, id="holding many"),
        pytest.param(vectors.WITH_LIST, vectors.WITH_LIST_CHECKSUM, id="with a list"),
        *[pytest.param(*vector, id=name) for name, vector in vectors.ODD.items()],
    ],
)
def test_fields_have_the_checksum_that_clients_ask_for(
    fields: dict[str, Any], expected: str
) -> None:
    before = copy.deepcopy(fields)

    assert checksum(fields) == expected
    assert fields == before


def test_the_order_of_members_does_not_matter() -> None:
    turned = dict(reversed(vectors.ALONE.items()))

    assert list(turned) != list(vectors.ALONE)
    assert checksum(turned) == vectors.ALONE_CHECKSUM


def test_a_float_is_not_the_integer_of_its_value() -> None:
    assert checksum({"default": 1.0}) != checksum({"default": 1})


def test_definitions_that_refer_to_each_other_are_followed_once() -> None:
    circle = {
        "X": {"title": "X", "next": {"$ref": "#/definitions/Y"}},
        "Y": {"title": "Y", "next": {"$ref": "#/definitions/X"}},
    }
    fields = {"$ref": "#/definitions/X", "definitions": circle}

    assert checksum(fields) == checksum({**fields, "definitions": {**circle, "Z": {"title": "Z"}}})


def test_definitions_that_are_no_objects_do_no_harm() -> None:
    used = {"$ref": "#/definitions/X"}

    assert checksum({**used, "definitions": ["X"]}) == checksum(used)
    assert checksum({**used, "definitions": {"X": "abc"}}) != checksum(used)
