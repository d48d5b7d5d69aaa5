"""What values may refer to in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from ephemeral_server.database.operators import is_in
from ephemeral_server.database.tables import variable


def read_variables(connection: Connection, names: Iterable[str]) -> dict[str, Any]:
    """The values of the variables that there are, by name."""
    wanted = is_in(variable.c.name, list(names), connection.dialect.name)
    rows = connection.execute(select(variable.c.name, variable.c.value).where(wanted))
    return {name: json.loads(value) for name, value in rows}
