"""A document with all that it refers to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ephemeral_server.block_documents.obfuscation import obfuscated, secret_fields_of
from ephemeral_server.wire import dump


@dataclass(eq=False)
class Document:
    """A document as it was read.

    Attributes:
        row: its columns, those of its type as ``block_type.<column>`` and those of its schema
            as ``block_schema.<column>``.
        own: its own data as the text of a JSON object, unsealed.
        references: the documents that it refers to, by the keys that they have in its data.
    """

    row: Mapping[Any, Any]
    own: str
    references: dict[str, Document] = field(default_factory=dict)

    @property
    def id(self) -> str:
        id: str = self.row["id"]
        return id

    @property
    def name(self) -> str:
        name: str = self.row["name"]
        return name

    @property
    def is_anonymous(self) -> bool:
        return bool(self.row["is_anonymous"])

    @property
    def block_type_slug(self) -> str:
        slug: str = self.row["block_type.slug"]
        return slug

    @property
    def capabilities(self) -> list[str]:
        """What blocks of its schema can do."""
        capabilities: list[str] = json.loads(self.row["block_schema.capabilities"])
        return capabilities

    @property
    def secret_fields(self) -> tuple[str, ...]:
        """Where the secrets of its own data are."""
        return secret_fields_of(self.row["block_schema.fields"])

    def data(self, include_secrets: bool) -> dict[str, Any]:
        """Its data, with that of the documents which it refers to under their keys.

        Args:
            include_secrets: else they are hidden, those of each document by its own schema.
        """
        data: dict[str, Any] = json.loads(self.data_json(include_secrets))
        return data

    def data_json(self, include_secrets: bool) -> str:
        """The same as JSON text."""
        return self._joined(include_secrets, ())

    def own_data(self, include_secrets: bool) -> dict[str, Any]:
        """Its data without what it refers to."""
        data: dict[str, Any] = json.loads(self.own)
        return data if include_secrets else obfuscated(data, self.secret_fields)

    def further(self, above: tuple[str, ...]) -> list[tuple[str, Document]]:
        """What it refers to, but for those that it is part of.

        There are no circles, unless somebody else has written them into the database.

        Args:
            above: the ids of the documents on the way to this one.
        """
        return [(key, child) for key, child in self.references.items() if child.id not in above]

    def _joined(self, include_secrets: bool, above: tuple[str, ...]) -> str:
        own = self.own
        if not include_secrets and self.secret_fields:
            own = dump(self.own_data(include_secrets=False))
        above = (*above, self.id)
        members = [
            f"{dump(key)}:{child._joined(include_secrets, above)}"
            for key, child in self.further(above)
        ]
        if not members:
            return own
        return "{" + ",".join(([own[1:-1]] if len(own) > 2 else []) + members) + "}"
