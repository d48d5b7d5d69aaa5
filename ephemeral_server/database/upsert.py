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
