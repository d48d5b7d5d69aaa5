"""Inserting rows that may be there already, the same way on both databases."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


@lru_cache(maxsize=64)
def insert_or_ignore(dialect: str, table: Table, *unique: str) -> Insert:
    """An INSERT into `table` that skips rows which are there already.

    Args:
        dialect: ``"sqlite"`` or ``"postgresql"``.
        table: where to insert.
        unique: the columns of the unique index that may already hold the row's values; other
            collisions are errors. None named: any collision skips the row.
    """
    columns = list(unique) or None
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing(index_elements=columns)
    return postgresql.insert(table).on_conflict_do_nothing(index_elements=columns)


@lru_cache(maxsize=16)
def insert_or_replace(dialect: str, table: Table, key: str) -> Insert:
    """An INSERT into `table` that overwrites the row which is there already.

    Args:
        dialect: ``"sqlite"`` or ``"postgresql"``.
        table: where to insert; every column is given a value.
        key: the unique column that tells whether the row is there.
    """
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(table)
    new = {column.name: statement.excluded[column.name] for column in table.c if column.name != key}
    return statement.on_conflict_do_update(index_elements=[key], set_=new)
