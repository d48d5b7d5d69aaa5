"""What the fields of a block schema refer to: definitions within them, and other schemas."""

from __future__ import annotations

from typing import Any, NamedTuple

from ephemeral_server.errors import UnprocessableError

Fields = dict[str, Any]

#: The member of `Fields` that says which schemas of other blocks they refer to.
REFERENCES = "block_schema_references"
_PREFIX = "#/definitions/"


class Reference(NamedTuple):
    """A schema of another block, as fields name it."""

    slug: str
    checksum: str


def definitions_of(fields: Fields) -> dict[str, Any]:
    """The definitions by their names; none where `fields` hold something else in their place."""
    definitions = fields.get("definitions")
    return definitions if isinstance(definitions, dict) else {}


def is_block(definition: Any) -> bool:
    """Whether it describes a block, not a plain model."""
    return isinstance(definition, dict) and definition.get("block_type_slug") is not None


def names_within(value: Any) -> dict[str, None]:
    """The names of the definitions that `value` refers to, at any depth; each one once."""
    found: dict[str, None] = {}
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            name = item.get("$ref")
            if isinstance(name, str):
                found[name.replace(_PREFIX, "")] = None
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return found


def reachable(value: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions that `value` refers to, also through one another."""
    found: dict[str, Any] = {}
    pending = list(names_within(value))
    while pending:
        name = pending.pop()
        if name in definitions and name not in found:
            found[name] = definitions[name]
            pending += names_within(found[name])
    return found


def references_of(fields: Fields) -> dict[str, list[Reference]]:
    """The schemas of other blocks that fields refer to, by the name of the field.

    Raises:
        UnprocessableError: the member does not say that.
    """
    references = fields.get(REFERENCES, {})
    if not isinstance(references, dict):
        raise UnprocessableError(f"{REFERENCES} must be an object")
    return {
        name: [_reference(name, item) for item in (entry if isinstance(entry, list) else [entry])]
        for name, entry in references.items()
    }


def _reference(name: str, item: Any) -> Reference:
    known = item if isinstance(item, dict) else {}
    slug, checksum = known.get("block_type_slug"), known.get("block_schema_checksum")
    if not isinstance(slug, str) or not isinstance(checksum, str):
        raise UnprocessableError(
            f"{REFERENCES}.{name} must be an object, or a list of objects, with the strings "
            "block_type_slug and block_schema_checksum"
        )
    return Reference(slug, checksum)
