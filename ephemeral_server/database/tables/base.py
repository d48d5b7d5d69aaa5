"""What every table has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, MetaData, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ephemeral_server.database.types import Id, Instant

#: The `info` of tables and indexes that only one kind of database has.
ONLY_SQLITE = {"dialect": "sqlite"}
ONLY_POSTGRESQL = {"dialect": "postgresql"}

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def identity() -> list[Column[Any]]:
    """The columns ``id``, ``created`` and ``updated``."""
    return [
        Column("id", Id, primary_key=True),
        Column("created", Instant, nullable=False),
        Column("updated", Instant, nullable=False),
    ]


def reference(
    name: str,
    target: str,
    *,
    on_delete: str,
    required: bool = False,
    circular: bool = False,
    primary_key: bool = False,
) -> Column[Any]:
    """A foreign key to the id of the table `target`; `on_delete` is ``CASCADE`` or ``SET NULL``.

    One key of each circle of tables is `circular`: PostgreSQL gets it after all tables.
    """
    key = ForeignKey(f"{target}.id", ondelete=on_delete, use_alter=circular)
    nullable = not (required or primary_key)
    return Column(name, Id, key, nullable=nullable, primary_key=primary_key)


def index_of_few(table: str, column: str, *after: str, before: tuple[str, ...] = ()) -> Index:
    """An index of the rows that have a value in `column` at all, of which there are few.

    For what is hardly ever set: it costs nothing where it is not. Further columns may stand
    `before` and `after` it.
    """
    given = text(f"{column} IS NOT NULL")
    columns = (*before, column, *after)
    return Index(f"ix_{table}_{column}", *columns, sqlite_where=given, postgresql_where=given)


class _NullsLowest(FunctionElement[Any]):
    inherit_cache = True


@compiles(_NullsLowest)
def _as_it_is(element: _NullsLowest, compiler: SQLCompiler, **kwargs: Any) -> str:
    return compiler.process(element.clauses, **kwargs)


@compiles(_NullsLowest, "postgresql")
def _nulls_first(element: _NullsLowest, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"{compiler.process(element.clauses, **kwargs)} NULLS FIRST"


def nulls_lowest(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The first member of an index that sorts as `ephemeral_server.database.sorting` does.

    On SQLite every index does; on PostgreSQL it has to be told where a value may be missing.
    """
    if isinstance(value, Column) and not value.nullable:
        return value
    return _NullsLowest(value)
