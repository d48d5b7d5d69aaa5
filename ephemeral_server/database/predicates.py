"""The filter language for rows that are at hand.

Who watches rows while they are written wants those that a search would find, without a search.
A `LiveFilter` is a filter that also becomes Python: the same declaration, compiled to one
expression, since thousands of rows are looked at for each who watches::

    pick = LogFilter(level={"ge_": 40}).picker(["id", "level"])
    pick([("a", 20), ("b", 50)])  # [1]

As in SQL, a comparison with null fits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ephemeral_server.clock import micros
from ephemeral_server.database.filters import EntityFilter
from ephemeral_server.database.operators import On, plain

#: Finds among rows the places of those that fit.
Pick = Callable[[Sequence[Sequence[Any]]], list[int]]


class _Test(NamedTuple):
    """What an operator of the filter language means in Python.

    Attributes:
        expression: of the row's value ``{v}`` and the operator's value ``{w}``.
        prepare: makes ``{w}`` of what the operator was given.
    """

    expression: str
    prepare: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


_AT_LEAST = "({v} is not None and {v} >= {w})"
_AT_MOST = "({v} is not None and {v} <= {w})"

#: The operators that live filters use, each as `operators.OPERATORS` has it in SQL.
_TESTS = {
    "any_": _Test("({v} in {w})", lambda values: frozenset(plain(values))),
    "is_null_": _Test("(({v} is None) is {w})", _same),
    "before_": _Test(_AT_MOST, micros),
    "after_": _Test(_AT_LEAST, micros),
    "ge_": _Test(_AT_LEAST, _same),
    "le_": _Test(_AT_MOST, _same),
}


class Source:
    """What the expression of a filter may name.

    Args:
        keys: columns, in the order of a row's values.

    Attributes:
        names: constants of the expression.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys
        self.names: dict[str, Any] = {}

    def column(self, key: str) -> str:
        """The row's value of a column."""
        return f"row[{self._keys.index(key)}]"

    def constant(self, value: Any) -> str:
        """A name for `value`: nothing that a client sends gets into the expression itself."""
        name = f"c{len(self.names)}"
        self.names[name] = value
        return name


class LiveFilter(EntityFilter):
    """Criteria for rows in the database and for rows at hand."""

    def picker(self, keys: Sequence[str]) -> Pick:
        """What finds, among rows at hand, those that `clause` finds in the database.

        Args:
            keys: columns, in the order of a row's values, which are as the database holds them.
        """
        source = Source(keys)
        tests = [self.criterion_test(criterion, on, source) for _, criterion, on in self.asked()]
        fits = joined([test for test in tests if test is not None], takes_any=self.takes_any)
        pick: Pick
        pick = eval(f"lambda rows: [at for at, row in enumerate(rows) if {fits}]", source.names)
        return pick

    def criterion_test(self, criterion: Any, on: On | None, source: Source) -> str | None:
        """The expression of one criterion; overridden where `criterion_clause` is."""
        assert on is not None, f"{type(criterion).__name__} is about no column"
        tests = []
        for name, value in criterion.asked().items():
            column = source.column((on.null if name == "is_null_" else on.column).name)
            wanted = source.constant(_TESTS[name].prepare(value))
            tests.append(_TESTS[name].expression.format(v=column, w=wanted))
        return joined(tests, takes_any=criterion.takes_any)


def joined(tests: Sequence[str], *, takes_any: bool) -> str:
    """One expression for several; true if there are none."""
    return f"({(' or ' if takes_any else ' and ').join(tests)})" if tests else "True"
