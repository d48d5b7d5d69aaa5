"""What JSON cannot hold is described."""

from __future__ import annotations

import json
from collections import OrderedDict
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from ephemeral_server.http.plain import plain


class Colour(Enum):
    RED = "red"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("value", "described"),
    [
        ({"a": [1, 1.5, True, None, "x"]}, {"a": [1, 1.5, True, None, "x"]}),
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "a", None: "b", b"k": "c"}, {"1": "a", "None": "b", "k": "c"}),
        (float("nan"), "NaN"),
        (b"caf\xc3\xa9 \xff", "café \\xff"),
        (Colour.RED, "red"),
        (ValueError("x"), {}),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Unprintable(), "<Unprintable>"),
        ("half \ud83d", "half ?"),
    ],
)
def test_becomes(value: Any, described: Any) -> None:
    assert plain(value) == described
    json.dumps(plain(value), allow_nan=False).encode()


def test_a_structure_that_holds_itself_ends() -> None:
    value: list[Any] = []
    value.append(value)

    assert "…" in json.dumps(plain(value), ensure_ascii=False)
