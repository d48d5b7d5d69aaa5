"""A run while one of its states is being changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table

from ephemeral_server.database.prepared import Prepared
from ephemeral_server.wire import dump


@lru_cache(maxsize=2)
def _insert_into(table: Table) -> Prepared:
    return Prepared(table.insert(), table.c.keys())


class Run:
    """The row of a flow run or task run, with what a transition changes of it.

    Args:
        values: columns of the run, and facts about related rows under names of their own.
        new_in: the table that a new run is to be inserted into; None if it is stored.
    """

    __slots__ = ("_new_in", "_policy", "changes", "original", "values")

    def __init__(self, values: Mapping[str, Any], new_in: Table | None = None) -> None:
        self.original = values
        self.values = dict(values)
        self.changes: dict[str, Any] = {}
        self._new_in = new_in
        self._policy: dict[str, Any] | None = None

    def store(self, connection: Connection) -> None:
        """Insert the row of a new run; nothing for one that is stored."""
        if self._new_in is not None:
            _insert_into(self._new_in).run(connection, self.values)
            self._new_in = None
            self.changes.clear()

    @property
    def id(self) -> str:
        return str(self.values["id"])

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def get(self, column: str, default: Any = None) -> Any:
        return self.values.get(column, default)

    def __setitem__(self, column: str, value: Any) -> None:
        if column not in self.values or self.values[column] != value:
            self.values[column] = self.changes[column] = value

    def restore(self, column: str) -> None:
        """Take back what was changed of a column."""
        self[column] = self.original[column]
        if column == "empirical_policy":
            self._policy = None

    @property
    def policy(self) -> dict[str, Any]:
        """The empirical policy, parsed; change it with `set_policy`."""
        if self._policy is None:
            self._policy = json.loads(self.values["empirical_policy"] or "{}")
        return self._policy

    def set_policy(self, **members: Any) -> None:
        """Change members of the empirical policy."""
        self._policy = {**self.policy, **members}
        self["empirical_policy"] = dump(self._policy)
