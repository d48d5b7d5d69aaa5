"""What can be done with the block documents of the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from ephemeral_server.block_documents.document import Document
from ephemeral_server.block_documents.reading import DOCUMENTS, Row, documents_of
from ephemeral_server.block_types.store import read_type_by_slug
from ephemeral_server.database.operators import Clause
from ephemeral_server.database.prepared import Prepared
from ephemeral_server.database.sorting import Order, ascending
from ephemeral_server.database.tables import block_document, block_type
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ObjectNotFoundError

NOT_FOUND = "Block document not found"

_C = block_document.c
_BY_ID = Prepared(DOCUMENTS.where(_C.id == bindparam("id")))
_BY_NAME = Prepared(
    DOCUMENTS.where(block_type.c.slug == bindparam("slug"), _C.name == bindparam("name"))
)
_OF_TYPE = DOCUMENTS.where(
    _C.block_type_id == bindparam("type_id"), _C.is_anonymous.is_(False)
).order_by(*ascending(_C.name, _C.id))
_LOCKED = select(_C.id).where(_C.id == bindparam("id"))


def read_document(connection: Connection, vault: Vault | None, id: str) -> Document | None:
    """The document of this id; without any data if there is no vault to open it."""
    return _only(connection, vault, _BY_ID.mapping(connection, {"id": id}))


def read_document_by_name(
    connection: Connection, vault: Vault, slug: str, name: str
) -> Document | None:
    """The document of this name, of the type of this slug."""
    return _only(connection, vault, _BY_NAME.mapping(connection, {"slug": slug, "name": name}))


def lock_document(
    tx: Transaction, vault: Vault | None, id: str, *, to_delete: bool = False
) -> Document:
    """The document of this id as it is read, which nobody else changes until the commit.

    Args:
        to_delete: nobody else may refer to it either, as another document does.

    Raises:
        ObjectNotFoundError: there is no such document.
    """
    tx.connection.execute(_LOCKED.with_for_update(key_share=not to_delete), {"id": id})
    document = read_document(tx.connection, vault, id)
    if document is None:
        raise ObjectNotFoundError(NOT_FOUND)
    return document


def list_documents(
    connection: Connection, vault: Vault, where: Clause, order: Order, limit: int, offset: int
) -> list[Document]:
    """Some of the documents."""
    query = DOCUMENTS.where(where).order_by(*order).limit(limit).offset(offset)
    return _all(connection, vault, query)


def list_documents_of_type(
    connection: Connection, vault: Vault, slug: str
) -> list[Document] | None:
    """All documents of a type by name, but for the anonymous ones; None if there is no type."""
    type = read_type_by_slug(connection, slug)
    return None if type is None else _all(connection, vault, _OF_TYPE.params(type_id=type["id"]))


def count_documents(connection: Connection, where: Clause) -> int:
    """How many documents there are."""
    query = select(func.count()).select_from(block_document).where(where)
    return connection.execute(query).scalar_one()


def _only(connection: Connection, vault: Vault | None, row: Row | None) -> Document | None:
    return None if row is None else documents_of(connection, vault, [row])[0]


def _all(connection: Connection, vault: Vault, query: Any) -> list[Document]:
    rows: Sequence[Row] = connection.execute(query).mappings().all()
    return documents_of(connection, vault, rows)
