"""Fields of block schemas, with the checksums that clients and other servers give them."""

from __future__ import annotations

from typing import Any

ALONE: dict[str, Any] = {
    "title": "A",
    "type": "object",
    "block_type_slug": "p5-a",
    "properties": {
        "x": {"title": "X", "type": "string", "default": "é☃"},
        "n": {"type": "number", "default": 1.0},
        "s": {"type": "string", "writeOnly": True},
    },
    "required": ["x"],
    "secret_fields": ["s"],
    "block_schema_references": {},
}
ALONE_CHECKSUM = "sha256:046541b39cf2f0dcc62eafbdd178cc4a06f333ff3c7224f6facc1f735f129138"

_MODELS = {
    "Model": {
        "title": "Model",
        "type": "object",
        "properties": {"e": {"$ref": "#/definitions/Enum"}},
    },
    "Enum": {"title": "Enum", "enum": ["a", "b"], "type": "string"},
}
_TO_ALONE = {"block_type_slug": "p5-a", "block_schema_checksum": ALONE_CHECKSUM}
_HOLDING_ONE: dict[str, Any] = {
    "title": "B",
    "type": "object",
    "block_type_slug": "p5-b",
    "properties": {
        "child": {"$ref": "#/definitions/A"},
        "m": {"allOf": [{"$ref": "#/definitions/Model"}]},
    },
    "required": ["child"],
    "secret_fields": ["child.s"],
    "block_schema_references": {"child": _TO_ALONE},
}

#: With a block, a model with an enumeration, and a definition that nothing refers to.
HOLDING_ONE: dict[str, Any] = {
    **_HOLDING_ONE,
    "definitions": {"A": ALONE, **_MODELS, "Unused": {"title": "Unused", "type": "object"}},
}
HOLDING_ONE_CHECKSUM = "sha256:e28a02f2a630a64c7f6453d6da2dc262e9dbdbd3649e79a5f173d545d40f868c"

#: With a union of blocks and a list of blocks.
HOLDING_MANY: dict[str, Any] = {
    "title": "C",
    "type": "object",
    "block_type_slug": "p5-c",
    "properties": {
        "u": {"anyOf": [{"$ref": "#/definitions/A"}, {"$ref": "#/definitions/B"}]},
        "l": {"type": "array", "items": {"$ref": "#/definitions/A"}},
    },
    "secret_fields": [],
    "block_schema_references": {
        "u": [
            _TO_ALONE,
            {"block_type_slug": "p5-b", "block_schema_checksum": HOLDING_ONE_CHECKSUM},
        ],
        "l": _TO_ALONE,
    },
    "definitions": {"A": ALONE, "B": _HOLDING_ONE, **_MODELS},
}
HOLDING_MANY_CHECKSUM = "sha256:7101fdb75484172295450e88e8b7c52b6a655288688a66b33b4109d5da274e59"

#: With a secret field within a list, and definitions that there are none of.
WITH_LIST: dict[str, Any] = {
    "title": "L",
    "type": "object",
    "block_type_slug": "p5-a",
    "properties": {"u": {"anyOf": [{"secret_fields": ["q"], "type": "string"}]}},
    "secret_fields": [],
    "definitions": {},
}
WITH_LIST_CHECKSUM = "sha256:734173541021c99278f12f1975602ab7940b903790fa23b19eb2e4eea780f83a"

_X = {"X": {"title": "X"}}

#: Fields that no class has, but that somebody may send, by what is odd about them.
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": (
        {},
        "sha256:f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4",
    ),
    "numbers": (
        {
            "properties": {
                "i": {"default": 1},
                "f": {"default": 1.0},
                "e": {"default": 1e22},
                "z": {"default": -0.0},
            }
        },
        "sha256:9f6bb42d91e4c3f12cf1261798f2f76784c8e4576e8319851c95d8964f420f6a",
    ),
    "a reference within a reference": (
        {"$ref": {"$ref": "#/definitions/X"}, "definitions": _X},
        "sha256:364a6197b0978268cfac87dfc439e0f6ea0e862e923b9d8b4bf162c95e73b6d1",
    ),
    "a list for a reference": (
        {"$ref": ["#/definitions/X"], "definitions": _X},
        "sha256:a573072178cd98741e503c1f5503f2b538d4043f322b89b79ef22515e559f83c",
    ),
    "a bare name for a reference": (
        {"$ref": "X", "definitions": _X},
        "sha256:19860bd85b614911bc40c1a33a505a8fc1f09476d61a758750ee11a204be6d0e",
    ),
    "a reference into a definition": (
        {"$ref": "#/definitions/X/properties/y", "definitions": _X},
        "sha256:7cf8f6577a74a39abb70768bd322bbb685d23b6104f02a003160a3e0850dcfe2",
    ),
    "a reference from another definition alone": (
        {"definitions": {"W": {"$ref": "#/definitions/X"}, **_X}},
        "sha256:939b6a59ce6e12506e0a2e6dd88cf8516f6c6a810115d2f140f1dc1d8c5c1c51",
    ),
    "an empty definition": (
        {"$ref": "#/definitions/X", "definitions": {"X": {}}},
        "sha256:6de8b9137c22620f56b16d54f0865e920501f92b222e69c346f07c331c8a24ce",
    ),
    "a definition whose slug is null": (
        {"$ref": "#/definitions/X", "definitions": {"X": {"title": "X", "block_type_slug": None}}},
        "sha256:0180f90ce603fca1b8aa95c29e5ca657c87471ce5ffb0d43cfa3971e9e946dfe",
    ),
    "a definition whose slug is empty": (
        {"$ref": "#/definitions/X", "definitions": {"X": {"title": "X", "block_type_slug": ""}}},
        "sha256:6de8b9137c22620f56b16d54f0865e920501f92b222e69c346f07c331c8a24ce",
    ),
    "null for definitions": (
        {"definitions": None},
        "sha256:47fd53ae6b43ca711ec233e27db367113867df8043cd648ff958d1519563fdb6",
    ),
    "text for definitions": (
        {"definitions": "abc"},
        "sha256:f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4",
    ),
    "secret fields at every depth": (
        {
            "a": {"secret_fields": 1, "b": [{"secret_fields": 2}]},
            "properties": {"secret_fields": {"type": "string"}},
        },
        "sha256:e0134e5297148305a68d24757f897dec1607aa6a355d58763ca422fd6c75a38c",
    ),
}
