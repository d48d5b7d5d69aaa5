"""Column types that behave the same on SQLite and PostgreSQL.

Instants and durations are integers of microseconds, JSON is kept as the text it came as
(so it leaves the server byte for byte, without being parsed), ids are hyphenated text in
Python on both databases.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class Id(TypeDecorator[str]):
    """A UUID: ``uuid`` on PostgreSQL, its text on SQLite; `str` in Python."""

    impl = String(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=False))
        return dialect.type_descriptor(String(36))

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


#: Microseconds since 1970 UTC.
Instant = BigInteger

#: A length of time in microseconds.
Duration = BigInteger

#: A JSON document as text.
Json = Text

#: Text that sorts by code point on both databases.
Name = Text().with_variant(Text(collation="C"), "postgresql")
