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

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, or_, true

from ephemeral_server.database.operators import FEW, NOTHING, OPERATORS, TAG_OPERATORS, Clause, On
from ephemeral_server.fields import Integer, Pattern, Storable, UtcDatetime

T = TypeVar("T")
C = TypeVar("C", bound="Criterion")


class Operator(str, Enum):
    """How the criteria of one filter are joined."""

    and_ = "and_"
    or_ = "or_"


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
            if value is not None and value != NOTHING.get(name)
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


class PlainFilter(_Filter):
    """The criteria for rows of one entity, all of which must hold."""

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


class EntityFilter(PlainFilter):
    """The criteria for rows of one entity, and how they are joined."""

    operator: Operator = Operator.and_


def given(criterion: C | None) -> C | None:
    """The criterion, or None if it holds no operator that asks for something."""
    return criterion if criterion and criterion.asked() else None


# Criteria, by the operators they take.


class AnyOf(Criterion, Generic[T]):
    any_: list[T] | None = None


class AllOf(Criterion):
    """Names in a list that an entity holds as JSON."""

    SPECIAL = TAG_OPERATORS

    all_: list[Storable] | None = None


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
    startswith_: Annotated[list[Pattern], Field(max_length=FEW)] | None = None


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


class TagsAll(Criterion):
    """Tags of entities that cannot be searched by ``any_``."""

    SPECIAL = TAG_OPERATORS

    operator: Operator = Operator.and_
    all_: list[Storable] | None = None
    is_null_: bool | None = None


class Tags(TagsAll):
    any_: list[Storable] | None = None
