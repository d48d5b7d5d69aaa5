"""Making block schemas."""

from __future__ import annotations

from collections.abc import Sequence

from ephemeral_server.block_schemas.checksum import checksum
from ephemeral_server.block_schemas.definitions import (
    REFERENCES,
    Fields,
    Reference,
    definitions_of,
    names_within,
    reachable,
    references_of,
)
from ephemeral_server.block_schemas.store import SchemaRow, read_schema_by_checksum
from ephemeral_server.block_types.store import TypeRow, read_type, read_type_by_slug
from ephemeral_server.database.tables import block_schema
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.database.upsert import insert_or_ignore
from ephemeral_server.errors import ConflictError, ObjectNotFoundError, UnprocessableError
from ephemeral_server.ids import new_id
from ephemeral_server.wire import dump

#: So many schemas are made from the definitions of one, at most: each takes all that it uses along.
MOST_NESTED = 50
#: The version of schemas whose block says none.
NO_VERSION = "non-versioned"


def create_schema(
    tx: Transaction,
    block_type_id: str,
    fields: Fields,
    capabilities: Sequence[str] = (),
    version: str = NO_VERSION,
) -> tuple[SchemaRow, bool]:
    """Make the schema of these fields in this version, unless it is there.

    Schemas of other blocks that it refers to are made too, from the definitions within it.

    Returns:
        its row with its type, see `BLOCK_SCHEMA`, and whether it is new.

    Raises:
        ObjectNotFoundError: there is no such block type.
        ConflictError: it refers to a block type that is not there.
        UnprocessableError: it refers to a schema that is neither there nor defined within it,
            or it is nested too deeply.
    """
    type = read_type(tx.connection, block_type_id)
    if type is None:
        raise ObjectNotFoundError(f"Block type {block_type_id} not found.")
    try:
        return _create(tx, type, fields, capabilities, version, _Nested(tx, fields))
    except RecursionError:
        raise UnprocessableError("fields are nested too deeply") from None


def _create(
    tx: Transaction,
    type: TypeRow,
    fields: Fields,
    capabilities: Sequence[str],
    version: str,
    nested: _Nested,
) -> tuple[SchemaRow, bool]:
    digest = checksum(fields)
    there = read_schema_by_checksum(tx.connection, digest, version)
    if there is not None:
        return there, False
    now = tx.now()
    row = {
        "id": new_id(now),
        "created": now,
        "updated": now,
        "checksum": digest,
        "version": version,
        "fields": dump(nested.resolved(fields)),
        "capabilities": dump(list(capabilities)),
        "block_type_id": type["id"],
    }
    insert = insert_or_ignore(tx.dialect, block_schema, "checksum", "version")
    if tx.connection.execute(insert, row).rowcount:
        return {**row, **{f"type.{key}": value for key, value in type.items()}}, True
    there = read_schema_by_checksum(tx.connection, digest, version)  # somebody was faster
    if there is None:
        raise ConflictError("The same block schema was made and deleted at the same time.")
    return there, False


class _Nested:
    """The schemas of the blocks within a block.

    Clients register them before the block itself; those of old leave them to the server.
    """

    def __init__(self, tx: Transaction, fields: Fields) -> None:
        self._tx = tx
        self._definitions = definitions_of(fields)
        #: Checksums of the schemas that were made, by definition and type; None while that goes on.
        self._made: dict[tuple[str, str], str | None] = {}

    def resolved(self, fields: Fields) -> Fields:
        """Fields whose references name schemas that are there; those missing are made."""
        found: Fields = {}
        for field, references in references_of(fields).items():
            entries = [
                {
                    "block_type_slug": reference.slug,
                    "block_schema_checksum": self._checksum(fields, field, reference),
                }
                for reference in references
            ]
            found[field] = entries if len(entries) != 1 else entries[0]
        return {**fields, REFERENCES: found}

    def _checksum(self, fields: Fields, field: str, reference: Reference) -> str:
        """That of the schema that is there, which may not be the one that was claimed."""
        type = read_type_by_slug(self._tx.connection, reference.slug)
        if type is None:
            raise ConflictError(
                f"Cannot create block schema because block type '{reference.slug}' was not found."
                "Did you forget to register the block type?"
            )
        if read_schema_by_checksum(self._tx.connection, reference.checksum) is not None:
            return reference.checksum
        name = self._definition(fields, field, reference.slug)
        key = name, reference.slug
        if key not in self._made:
            if len(self._made) == MOST_NESTED:
                raise UnprocessableError(
                    f"fields.definitions hold more than {MOST_NESTED} schemas that are not there"
                )
            self._made[key] = None
            row, _ = _create(self._tx, type, self._fields_of(name), (), NO_VERSION, self)
            self._made[key] = row["checksum"]
        made = self._made[key]
        if made is None:
            raise UnprocessableError(f"fields.definitions.{name} refers to itself")
        return made

    def _fields_of(self, name: str) -> Fields:
        """What a client would send for the block that a definition describes."""
        fields: Fields = self._definitions[name]
        used = reachable(fields, self._definitions)
        return {**fields, "definitions": used} if used else fields

    def _definition(self, fields: Fields, field: str, slug: str) -> str:
        """The name of the definition that describes the block which a field holds."""
        properties = fields.get("properties")
        names = names_within(properties.get(field)) if isinstance(properties, dict) else {}
        for name in names:
            definition = self._definitions.get(name)
            if isinstance(definition, dict) and (
                len(names) == 1 or definition.get("block_type_slug") == slug
            ):
                return name
        raise UnprocessableError(
            f"{REFERENCES}.{field} names a schema of '{slug}' that is not there, and "
            f"properties.{field} refers to no definition of such a block"
        )
