"""Statements that run with every request, compiled once.

SQLAlchemy's way through a statement (its cache key, its parameters, its result object) costs
several times what SQLite needs to run it. On SQLite a `Prepared` statement hands its text and
values to the sqlite3 connection itself; on PostgreSQL, where the network costs more than that,
it is an ordinary statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

from sqlalchemy import Boolean, Connection, Executable, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

Row = Sequence[Any]


class Prepared:
    """A statement with named parameters.

    Args:
        statement: whose parameters and columns have types that sqlite3 knows by itself (text,
            numbers, booleans), and that has no list of values of changing length.
        columns: of an INSERT, the columns that it fills.
    """

    def __init__(self, statement: Executable, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute an INSERT, UPDATE or DELETE."""
        if connection.dialect.name == "sqlite":
            self._text.execute(self, connection, values)
        else:
            self.ordinarily(connection, values)

    def relevant(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of `values`, those that an INSERT takes."""
        if self._columns is None:
            return values
        return {name: values[name] for name in self._columns}

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Row | None:
        """The first row of a SELECT, or None."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).first()
        row: Row | None = self._text.execute(self, connection, values).fetchone()
        return row if row is None else self._text.plain(row)

    def mapping(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row of a SELECT by the names of its columns, or None."""
        row = self.first(connection, values)
        return None if row is None else dict(zip(self._names, row, strict=True))

    def mappings(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows of a SELECT by the names of its columns."""
        rows: Iterable[Row]
        if connection.dialect.name != "sqlite":
            rows = connection.execute(self._statement, values)
        else:
            rows = map(self._text.plain, self._text.execute(self, connection, values))
        return [dict(zip(self._names, row, strict=True)) for row in rows]

    def ordinarily(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute through SQLAlchemy."""
        connection.execute(self._statement, self.relevant(values))

    def __repr__(self) -> str:
        return f"Prepared({self._statement})"

    @cached_property
    def _names(self) -> list[str]:
        assert isinstance(self._statement, Select)
        return [column.key for column in self._statement.selected_columns if column.key is not None]

    @cached_property
    def _text(self) -> _SqliteText:
        assert isinstance(self._statement, ClauseElement)
        return _SqliteText(self._statement, self._columns)


class _SqliteText:
    """A statement's text for SQLite, and the order of its values."""

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None) -> None:
        keys = None if columns is None else list(columns)
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=keys)
        assert isinstance(compiled, SQLCompiler)
        self.sql = str(compiled)
        self._order = list(compiled.positiontup or ())
        # Constants within the statement.
        self._constants = {k: v for k, v in compiled.params.items() if v is not None}
        self._pick = itemgetter(*self._order) if len(self._order) > 1 else None
        self._booleans = _booleans(statement)

    def execute(
        self, prepared: Prepared, connection: Connection, values: Mapping[str, Any]
    ) -> sqlite3.Cursor:
        raw = connection.connection.driver_connection
        assert raw is not None
        try:
            cursor: sqlite3.Cursor = raw.execute(self.sql, self._values(values))
        except sqlite3.Error:
            # Nothing was done; SQLAlchemy's way ends in the same error, as SQLAlchemy tells it.
            prepared.ordinarily(connection, values)
            raise
        return cursor

    def plain(self, row: Row) -> Row:
        """The row with booleans where SQLite has 0 and 1."""
        if not self._booleans:
            return row
        changed = list(row)
        for index in self._booleans:
            if changed[index] is not None:
                changed[index] = bool(changed[index])
        return changed

    def _values(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        known = {**self._constants, **values} if self._constants else values
        if self._pick is not None:
            picked: tuple[Any, ...] = self._pick(known)
            return picked
        return tuple(known[name] for name in self._order)


def _booleans(statement: ClauseElement) -> list[int]:
    if not isinstance(statement, Select):
        return []
    return [
        index
        for index, column in enumerate(statement.selected_columns)
        if isinstance(column.type, Boolean)
    ]


def fetch_all(connection: Connection, query: Select[Any]) -> Sequence[Row]:
    """All rows of a query whose values are written as JSON at once.

    On SQLite they are sqlite3's own tuples, with 0 and 1 for booleans.
    """
    result = connection.execute(query)
    if connection.dialect.name != "sqlite" or result.cursor is None:
        return result.all()
    rows: Sequence[Row] = result.cursor.fetchall()
    result.close()
    return rows
