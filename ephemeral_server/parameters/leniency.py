"""What a JSON schema is read to allow, beyond what it says.

A property with a type that is neither required nor has a default may be null. And a definition
of a block (it has ``block_type_slug``) may also be a reference to a stored one.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_BLOCK_REFERENCE = {
    "type": "object",
    "properties": {
        "$ref": {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
                },
                {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "minProperties": 1,
                },
            ]
        }
    },
    "required": ["$ref"],
}


def be_lenient(schema: Schema, defaults_may_be_null: bool) -> None:
    """Write the allowances into a schema.

    Args:
        defaults_may_be_null: whether also properties that have a default may be null.
    """
    _allow_null(schema, defaults_may_be_null)
    definitions = schema.get("definitions")
    if isinstance(definitions, dict):
        for name, definition in definitions.items():
            if isinstance(definition, dict):
                _allow_null(definition, defaults_may_be_null)
                if "block_type_slug" in definition:
                    definitions[name] = {"anyOf": [definition, _BLOCK_REFERENCE]}


def forget_required(schema: Any) -> None:
    """Let nothing be required any more, however deep in a schema."""
    if schema is _BLOCK_REFERENCE:
        return  # a reference without anything in it refers to nothing
    if isinstance(schema, dict):
        if isinstance(schema.get("required"), list):  # else it is a property of that name
            del schema["required"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            forget_required(part)


def _allow_null(schema: Schema, defaults_may_be_null: bool) -> None:
    required = schema.get("required")
    if not isinstance(required, list):
        required = []
    properties = schema.get("properties")
    for name, spec in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(spec, dict):
            continue
        _allow_null(spec, defaults_may_be_null)
        if isinstance(spec.get("items"), list):  # what older drafts have for tuples
            spec["prefixItems"] = spec.pop("items")
        kind = spec.get("type")
        if (
            kind is None
            or kind == "null"
            or name in required
            or ("default" in spec and not defaults_may_be_null)
        ):
            continue
        del spec["type"]
        alternatives = [{"type": kind}, {"type": "null"}]
        if "anyOf" in spec:
            spec.setdefault("allOf", []).append({"anyOf": alternatives})
        else:
            spec["anyOf"] = alternatives
