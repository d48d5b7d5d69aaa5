"""Whether answers have the shape that their route declares."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter


def assert_shape(model: Any, answer: Any) -> None:
    """`answer` is just what the declared response model writes: every key, and no other."""
    adapter = TypeAdapter(model)
    assert adapter.dump_python(adapter.validate_python(answer), mode="json") == answer
