"""Putting a system block type into a database."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from ephemeral_server.block_schemas.creation import create_schema
from ephemeral_server.block_types.store import insert_type, new_row
from ephemeral_server.block_types.system.declaring import SystemType
from ephemeral_server.database.tables import block_type
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.version import PREFECT_VERSION

_C = block_type.c
_ID = select(_C.id).where(_C.slug == bindparam("slug"))


def put_system_type(tx: Transaction, type: SystemType) -> None:
    """Make a type with its schema, or present the one that is there as it was at first.

    Nothing is told of it: nobody has done it.
    """
    row = new_row(tx, type.columns())
    if insert_type(tx, row):
        id = row["id"]
    else:
        id = tx.connection.execute(_ID, {"slug": type.slug}).scalar_one()
        new = {**type.columns(), "updated": tx.now()}
        tx.connection.execute(update(block_type).where(_C.id == id).values(new))
    create_schema(tx, id, type.fields(), type.capabilities, PREFECT_VERSION)
