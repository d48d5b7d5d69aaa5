"""System block types as they are declared."""

from __future__ import annotations

from textwrap import indent

import pytest

from ephemeral_server.block_types.schemas import BlockTypeCreate
from ephemeral_server.block_types.system.catalogue import SYSTEM_TYPES, digest
from ephemeral_server.block_types.system.declaring import SystemType

each = pytest.mark.parametrize("type", SYSTEM_TYPES, ids=lambda type: type.slug)


@each
def test_a_type_could_be_made_by_a_client(type: SystemType) -> None:
    columns = type.columns()
    columns.pop("is_protected")

    assert BlockTypeCreate(**columns).model_dump() == columns


@each
def test_the_example_is_python(type: SystemType) -> None:
    code = type.columns()["code_example"].removeprefix("```python\n").removesuffix("\n```")

    compile(f"async def example():\n{indent(code, '    ')}", type.slug, "exec")


@each
def test_every_property_says_what_it_is_and_where_it_stands(type: SystemType) -> None:
    properties = type.fields()["properties"].values()

    assert [schema["position"] for schema in properties] == list(range(len(properties)))
    assert all(schema["title"] and schema["description"] for schema in properties)


@each
def test_what_is_secret_is_a_property(type: SystemType) -> None:
    fields = type.fields()
    written_only = {key for key, schema in fields["properties"].items() if "writeOnly" in schema}

    assert written_only <= set(fields["secret_fields"])
    assert {path.partition(".")[0] for path in fields["secret_fields"]} <= set(fields["properties"])


def test_the_digest_tells_apart_what_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = SYSTEM_TYPES[0]._replace(description="other")
    before = digest()
    digest.cache_clear()
    catalogue = "ephemeral_server.block_types.system.catalogue"
    monkeypatch.setattr(f"{catalogue}.SYSTEM_TYPES", (changed, *SYSTEM_TYPES[1:]))

    assert digest() != before
    digest.cache_clear()
