"""How a system block type is declared, and the schema document that follows from it.

The documents have the form in which the Prefect client describes a block class.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]

GUIDE = "https://docs.prefect.io/v3/concepts/blocks"

TEXT: Json = {"type": "string"}
SECRET_TEXT: Json = {"type": "string", "writeOnly": True, "format": "password"}
INTEGER: Json = {"type": "integer"}
NUMBER: Json = {"type": "number"}
BOOLEAN: Json = {"type": "boolean"}
OBJECT: Json = {"type": "object"}
TEXTS: Json = {"type": "array", "items": TEXT}
TEXTS_BY_NAME: Json = {"type": "object", "additionalProperties": TEXT}


class Property(NamedTuple):
    """One member of a block's data.

    Attributes:
        schema: JSON schema of its value.
        required: whether each block must have it.
        secrets: the path of what is secret; None if nothing is.
    """

    schema: Json
    required: bool = False
    secrets: str | None = None


class SystemType(NamedTuple):
    """A block type that every server knows.

    Attributes:
        title: the name of the class in Python.
        use: what to do with a ``block``, in Python.
        definitions: what the schemas of the properties refer to.
    """

    name: str
    slug: str
    module: str
    title: str
    description: str
    use: str
    properties: dict[str, Property]
    capabilities: tuple[str, ...] = ()
    definitions: Json | None = None
    is_protected: bool = False

    def columns(self) -> Json:
        """What the row of the type holds of it."""
        return {
            "name": self.name,
            "slug": self.slug,
            "logo_url": None,
            "documentation_url": GUIDE,
            "description": self.description,
            "code_example": (
                "```python\n"
                f"from {self.module} import {self.title}\n\n"
                f'block = {self.title}.load("BLOCK_NAME")\n'
                f"{self.use}\n"
                "```"
            ),
            "is_protected": self.is_protected,
        }

    def fields(self) -> Json:
        """The schema document of the data."""
        properties = self.properties.items()
        document: Json = {
            "title": self.title,
            "description": self.description,
            "type": "object",
            "block_type_slug": self.slug,
            "properties": {
                name: {**given.schema, "position": place}
                for place, (name, given) in enumerate(properties)
            },
            "secret_fields": [given.secrets for _, given in properties if given.secrets],
            "block_schema_references": {},
        }
        required = [name for name, given in properties if given.required]
        if required:
            document["required"] = required
        if self.definitions:
            document["definitions"] = self.definitions
        return document


def required(kind: Json, title: str, description: str, **more: Any) -> Property:
    """A member that each block must have."""
    return Property(_schema(kind, title, description, more), required=True)


def secret(name: str, title: str, description: str, **more: Any) -> Property:
    """A text that each block must have and that is secret."""
    return Property(_schema(SECRET_TEXT, title, description, more), required=True, secrets=name)


def default(kind: Json, value: Any, title: str, description: str, **more: Any) -> Property:
    """A member that is `value` in blocks that do not say otherwise."""
    return Property({**_schema(kind, title, description, more), "default": value})


def optional(
    kind: Json, title: str, description: str, *, value: Any = None, **more: Any
) -> Property:
    """A member that may be null; it is `value` in blocks that do not say otherwise."""
    return default({"anyOf": [kind, {"type": "null"}]}, value, title, description, **more)


def optional_secret(name: str, title: str, description: str) -> Property:
    """A text that is secret and may be null."""
    return optional(SECRET_TEXT, title, description)._replace(secrets=name)


def choice(values: list[str], value: str, title: str, description: str) -> Property:
    """One of `values`, which is `value` in blocks that do not say otherwise."""
    return default({"type": "string", "enum": values}, value, title, description)


def _schema(kind: Json, title: str, description: str, more: Json) -> Json:
    return {**kind, "title": title, "description": description, **more}
