"""The filter language.

Each entity declares its criteria: a pydantic field whose annotation says which column it is
about and whose type says which operators it takes::

    class FlowFilter(EntityFilter):
        id: Annotated[AnyNotAny[UUID] | None, On(flow.c.id)] = None
        name: Annotated[AnyLike | None, On(flow.c.name)] = None
        tags: Annotated[Tags | None, On(flow.c.tags)] = None

The same declaration is the shape on the wire and, through `EntityFilter.clause`, the SQL; for
rows at hand see `ephemeral_server.database.predicates`.
A filter without criteria restricts nothing; criteria are joined by AND, or by OR where the
filter's ``operator`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    and_,
    any_,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import Text

from ephemeral_server.clock import micros
from ephemeral_server.database.tables import flow_run_tag
from ephemeral_server.database.tags import are_tagged
from ephemeral_server.fields import Integer, Pattern, Storable, UtcDatetime
from ephemeral_server.wire import dump

T = TypeVar("T")
C = TypeVar("C", bound="Criterion")
Clause = ColumnElement[bool]

#: With these values an operator asks for nothing: it is as if it were not there. (An empty
#: ``any_`` does ask: nothing is in the list.)
_NOTHING: dict[str, Any] = {"not_any_": [], "all_": [], "startswith_": [], "like_": ""}

#: Lists up to this length are written into the statement; SQLite's may be 1,000 terms deep.
_FEW = 200
#: So many tags are each asked for by a condition of its own.
_FEW_TAGS = 20


class Operator(str, Enum):
    """How the criteria of one filter are joined."""

    and_ = "and_"
    or_ = "or_"


class On:
    """The column a criterion is about.

    Args:
        column: what most operators look at.
        null: what ``is_null_`` looks at, if that is another column.
        listed: whether SQLite lists the tags that it holds, see `ephemeral_server.database.tags`.
    """

    def __init__(
        self,
        column: ColumnElement[Any],
        null: ColumnElement[Any] | None = None,
        *,
        listed: bool = False,
    ) -> None:
        self.column = column
        self.listed = listed
        self.null = column if null is None else null


class _Filter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @property
    def takes_any(self) -> bool:
        """Whether one of the parts is enough; else all must hold."""
        return getattr(self, "operator", Operator.and_) is Operator.or_

    def _joined(self, clauses: list[Clause]) -> Clause:
        if not clauses:
            return true()
        return or_(*clauses) if self.takes_any else and_(*clauses)


class Criterion(_Filter):
    """The operators that one criterion was given, joined."""

    def clause(self, on: On, dialect: str) -> Clause:
        """The condition on a row of the entity."""
        operators = self._operators()
        return self._joined(
            [operators[name](on, value, dialect) for name, value in self.asked().items()]
        )

    def asked(self) -> dict[str, Any]:
        """The operators that ask for something, with what they ask for."""
        values = {name: getattr(self, name) for name in self._operators()}
        return {
            name: value
            for name, value in values.items()
            if value is not None and value != _NOTHING.get(name)
        }

    @classmethod
    @lru_cache
    def _operators(cls) -> dict[str, Callable[[On, Any, str], Clause]]:
        return {
            name: cls.SPECIAL.get(name) or OPERATORS[name]
            for name in cls.model_fields
            if name != "operator"
        }

    #: Operators that mean something else here than in `OPERATORS`.
    SPECIAL: ClassVar[dict[str, Callable[[On, Any, str], Clause]]] = {}


class EntityFilter(_Filter):
    """The criteria for rows of one entity."""

    operator: Operator = Operator.and_

    def clause(self, dialect: str) -> Clause:
        """The condition on a row of the entity; true if there is no criterion."""
        clauses = [
            self.criterion_clause(name, criterion, on, dialect)
            for name, criterion, on in self.asked()
        ]
        return self._joined([clause for clause in clauses if clause is not None])

    def asked(self) -> Iterator[tuple[str, Any, On | None]]:
        """The criteria that were used: name, value and the column each is about."""
        for name, on in self._criteria().items():
            criterion = getattr(self, name)
            if criterion is not None:
                yield name, criterion, on

    def criterion_clause(
        self, name: str, criterion: Any, on: On | None, dialect: str
    ) -> Clause | None:
        """The condition of one criterion, None if it is as if it were not there.

        Entities override it for what is not one column.
        """
        assert on is not None, f"{type(self).__name__}.{name} names no column"
        clause: Clause = criterion.clause(on, dialect)
        return clause

    @classmethod
    @lru_cache
    def _criteria(cls) -> dict[str, On | None]:
        found: dict[str, On | None] = {}
        for name, spec in cls.model_fields.items():
            if name != "operator":
                ons = [item for item in spec.metadata if isinstance(item, On)]
                found[name] = ons[0] if ons else None
        return found


def given(criterion: C | None) -> C | None:
    """The criterion, or None if it holds no operator that asks for something."""
    return criterion if criterion and criterion.asked() else None


# Criteria, by the operators they take.


class AnyOf(Criterion, Generic[T]):
    any_: list[T] | None = None


class AnyNotAny(Criterion, Generic[T]):
    any_: list[T] | None = None
    not_any_: list[T] | None = None


class AnyNull(Criterion, Generic[T]):
    operator: Operator = Operator.and_
    any_: list[T] | None = None
    is_null_: bool | None = None


class AnyLike(Criterion):
    any_: list[Storable] | None = None
    like_: Pattern | None = None


class Like(Criterion):
    like_: Pattern | None = None


class AnyStartsWith(Criterion):
    any_: list[Storable] | None = None
    startswith_: Annotated[list[Pattern], Field(max_length=_FEW)] | None = None


class Between(Criterion):
    before_: UtcDatetime | None = None
    after_: UtcDatetime | None = None


class BetweenNull(Criterion):
    before_: UtcDatetime | None = None
    after_: UtcDatetime | None = None
    is_null_: bool | None = None


class AtLeastAtMost(Criterion):
    ge_: Integer | None = None
    le_: Integer | None = None


class Equals(Criterion):
    eq_: bool | None = None


# What the operators mean.


def is_in(column: ColumnElement[Any], values: list[Any], dialect: str) -> Clause:
    """`column` has one of `values`: ids, enum members, text or numbers, however many."""
    values = list(dict.fromkeys(plain(values)))
    if not values:
        return false()
    if len(values) <= _FEW:
        return column.in_(values)
    # A statement takes some 32,000 parameters, so many values go as one.
    if dialect == "postgresql":
        found: Clause = column == any_(literal(values, ARRAY(column.type)))
        return found
    return column.in_(select(each(literal(dump(values)))))


def _any(on: On, values: list[Any], dialect: str) -> Clause:
    return is_in(on.column, values, dialect)


def _not_any(on: On, values: list[Any], dialect: str) -> Clause:
    return not_(is_in(on.column, values, dialect))


def _is_null(on: On, value: bool, dialect: str) -> Clause:
    return on.null.is_(None) if value else on.null.is_not(None)


def _like(on: On, value: str, dialect: str) -> Clause:
    # Percent sign and underscore are wildcards here: clients send them as such.
    return on.column.ilike(f"%{value}%")


def _startswith(on: On, values: list[str], dialect: str) -> Clause:
    return or_(*[on.column.ilike(f"{value}%") for value in values])


def _tags_all(on: On, values: list[str], dialect: str) -> Clause:
    wanted = literal(dump(values))
    if dialect == "postgresql":
        found: Clause = cast(on.column, JSONB).contains(cast(wanted, JSONB))
        return found
    values = list(dict.fromkeys(values))
    if on.listed and len(values) <= _FEW_TAGS:
        return and_(*[are_tagged(flow_run_tag.c.tag == value) for value in values])
    tag = each(wanted)
    return not_(exists(select(tag).where(tag.not_in(select(each(on.column))))))


def _tags_any(on: On, values: list[str], dialect: str) -> Clause:
    if not values:
        return false()
    if dialect == "postgresql":
        found: Clause = cast(on.column, JSONB).has_any(literal(values, ARRAY(Text)))
        return found
    if on.listed:
        only = flow_run_tag.c.tag == values[0] if len(values) == 1 else None
        return are_tagged(is_in(flow_run_tag.c.tag, values, dialect) if only is None else only)
    tag = each(on.column)
    return exists(select(tag).where(tag.in_(select(each(literal(dump(values)))))))


def _tags_null(on: On, value: bool, dialect: str) -> Clause:
    return on.column == "[]" if value else on.column != "[]"


OPERATORS: dict[str, Callable[[On, Any, str], Clause]] = {
    "any_": _any,
    "not_any_": _not_any,
    "is_null_": _is_null,
    "like_": _like,
    "startswith_": _startswith,
    "before_": lambda on, value, dialect: on.column <= micros(value),
    "after_": lambda on, value, dialect: on.column >= micros(value),
    "ge_": lambda on, value, dialect: on.column >= value,
    "le_": lambda on, value, dialect: on.column <= value,
    "eq_": lambda on, value, dialect: on.column.is_(value),
}

TAG_OPERATORS: dict[str, Callable[[On, Any, str], Clause]] = {
    "all_": _tags_all,
    "any_": _tags_any,
    "is_null_": _tags_null,
}


class TagsAll(Criterion):
    """Tags of entities that cannot be searched by ``any_``."""

    SPECIAL = TAG_OPERATORS

    operator: Operator = Operator.and_
    all_: list[Storable] | None = None
    is_null_: bool | None = None


class Tags(TagsAll):
    any_: list[Storable] | None = None


def each(document: ColumnElement[Any]) -> ColumnElement[Any]:
    """The items of a JSON list, on SQLite."""
    item: ColumnElement[Any] = func.json_each(document).table_valued("value").c.value
    return item


def plain(values: list[Any]) -> list[Any]:
    """Ids as text and enum members as their values."""
    return [
        str(value) if isinstance(value, UUID) else value.value if isinstance(value, Enum) else value
        for value in values
    ]
