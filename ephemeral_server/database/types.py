"""Column types that behave the same on SQLite and PostgreSQL.

Instants and durations are integers of microseconds, JSON is kept as the text it came as
(so it leaves the server byte for byte, without being parsed), ids are hyphenated text in
Python on both databases.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.dialects import postgresql

#: A UUID: ``uuid`` on PostgreSQL, its text on SQLite; hyphenated `str` in Python.
Id = String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")


#: Microseconds since 1970 UTC.
Instant = BigInteger

#: A length of time in microseconds.
Duration = BigInteger

#: A JSON document as text.
Json = Text

#: Text that sorts by code point on both databases.
Name = Text().with_variant(Text(collation="C"), "postgresql")
