"""What documents refer to: found in the data that is sent, kept in a table of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, text

from ephemeral_server.block_documents.graph import REFERENCE, ids_above, sizes_of
from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import block_document, block_document_reference
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.errors import ChangeRefusedError, ConflictError, UnprocessableError
from ephemeral_server.fields import storable

#: Of how many documents one may be made, and of how many levels of them.
MOST, DEEPEST = 1_000, 50

#: Only one transaction at a time adds to what is there, so that two make no circle together.
_LOCK = text("SELECT pg_advisory_xact_lock(5218490912)")


def split(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Data without its references, and the ids of what these are to.

    A reference is ``{"$ref": {"block_document_id": id}}`` under a key of the data itself; what
    looks like one deeper in it is data.

    Raises:
        ChangeRefusedError: a reference does not say to what.
        UnprocessableError: its key cannot be stored.
    """
    own, references = {}, {}
    for key, value in data.items():
        if isinstance(value, dict) and "$ref" in value:
            references[key] = _id_in(key, value["$ref"])
        else:
            own[key] = value
    return own, references


def _id_in(key: str, reference: Any) -> str:
    if storable(key) != key:
        raise UnprocessableError(f"{key!a} cannot be the key of a block reference")
    id = reference.get("block_document_id") if isinstance(reference, dict) else None
    if not id:
        raise ChangeRefusedError(
            f"Received block reference without a block_document_id in key {key}"
        )
    try:
        return str(UUID(id))
    except (AttributeError, TypeError, ValueError):
        raise ChangeRefusedError(
            f"Received block reference with a block_document_id that is no UUID in key {key}"
        ) from None


def write(
    tx: Transaction, parent: str, wanted: Mapping[str, str], present: Mapping[str, str] | None
) -> None:
    """Let a document refer to what is wanted, and to nothing else.

    Args:
        parent: its id.
        wanted: the ids of documents by the keys that they have in its data.
        present: the references that it has; None for a new document, which nothing refers to.

    Raises:
        ChangeRefusedError: a document would be part of itself, or hold too many.
        ConflictError: one that is wanted is not there.
    """
    there = present or {}
    new = {key: id for key, id in wanted.items() if there.get(key) != id}
    gone = [key for key, id in there.items() if wanted.get(key) != id]
    if gone:
        where = (
            REFERENCE.parent_block_document_id == parent,
            is_in(REFERENCE.name, gone, tx.dialect),
        )
        tx.connection.execute(delete(block_document_reference).where(*where))
    if not new:
        return
    tops = {parent}
    if present is not None:
        if tx.dialect == "postgresql":
            tx.connection.execute(_LOCK)
        tops |= ids_above(tx.connection, parent)
    for id in new.values():
        if id in tops:
            raise ChangeRefusedError(
                "Cannot create block document reference: it would introduce a cycle into the "
                f"block_document_reference graph (parent={parent}, reference={id})."
            )
    _check_there(tx, set(new.values()))
    rows = [
        {"parent_block_document_id": parent, "name": key, "reference_block_document_id": id}
        for key, id in new.items()
    ]
    tx.connection.execute(insert(block_document_reference), rows)
    _check_sizes(tx, tops)


def _check_there(tx: Transaction, ids: set[str]) -> None:
    where = is_in(block_document.c.id, list(ids), tx.dialect)
    # Nobody deletes them before the commit.
    query = select(block_document.c.id).where(where).with_for_update(read=True, key_share=True)
    missing = ids.difference(tx.connection.scalars(query))
    if missing:
        raise ConflictError(f"Block document {min(missing)} not found, but referred to.")


def _check_sizes(tx: Transaction, ids: set[str]) -> None:
    """Make sure that no document becomes so large that it cannot be read any more."""
    for id, (count, levels) in sizes_of(tx.connection, ids).items():
        if count > MOST or levels > DEEPEST:
            raise ChangeRefusedError(
                f"Cannot create block document reference: block document {id} would be made of "
                f"more than {MOST} documents, or of more than {DEEPEST} levels of them."
            )
