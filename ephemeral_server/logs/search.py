"""The text search of logs.

A query is made of words and of phrases in double quotes, found anywhere in the message or in
the logger's name, in capitals or not::

    disk full              one of the words
    -retry  !retry         not this word
    +disk +full            both words
    -"no space left"       not this phrase

Within a phrase ``\\"`` is a quote and ``\\\\`` a backslash; one that is not closed goes up to
the end. A sign that no word follows means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, not_, or_

from ephemeral_server.database.operators import Clause

_EXCLUDE, _REQUIRE = "-!", "+"


class Search(NamedTuple):
    """What a query asks for, as it was written.

    Attributes:
        include: at least one must occur, if there are any.
        exclude: none may occur.
        require: all must occur.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    require: tuple[str, ...] = ()

    def clauses(self, text: ColumnElement[str]) -> list[Clause]:
        """The conditions on `text`, one for each kind of terms."""
        groups = []
        if self.include:
            groups.append(or_(*[_contains(text, term) for term in self.include]))
        if self.exclude:
            groups.append(not_(or_(*[_contains(text, term) for term in self.exclude])))
        if self.require:
            groups.append(and_(*[_contains(text, term) for term in self.require]))
        return groups

    def tests(self) -> list[Callable[[str], bool]]:
        """The same conditions on a text at hand, where letters of every alphabet have capitals."""
        include, exclude, require = ([term.lower() for term in terms] for terms in self)
        groups: list[Callable[[str], bool]] = []
        if include:
            groups.append(lambda text: any(map(text.lower().__contains__, include)))
        if exclude:
            groups.append(lambda text: not any(map(text.lower().__contains__, exclude)))
        if require:
            groups.append(lambda text: all(map(text.lower().__contains__, require)))
        return groups


def parse(query: str) -> Search:
    """What `query` asks for; every text is a query."""
    include: list[str] = []
    exclude: list[str] = []
    require: list[str] = []
    at = 0
    while at < len(query):
        if query[at].isspace():
            at += 1
            continue
        terms = include
        if query[at] in _EXCLUDE + _REQUIRE:
            if query[at + 1 : at + 2].strip():
                terms = require if query[at] in _REQUIRE else exclude
            at += 1
        if query[at : at + 1] == '"':
            term, at = _phrase(query, at + 1)
        else:
            term, at = _word(query, at)
        if term:
            terms.append(term)
    return Search(tuple(include), tuple(exclude), tuple(require))


def _word(query: str, start: int) -> tuple[str, int]:
    """The word that begins at `start`, and where it ends."""
    end = start
    while end < len(query) and not query[end].isspace() and query[end] != '"':
        end += 1
    return query[start:end], end


def _phrase(query: str, start: int) -> tuple[str, int]:
    """The phrase whose opening quote is before `start`, and where its closing quote ends."""
    phrase = ""
    at = start
    while at < len(query):
        if query[at] == '"':
            return phrase, at + 1
        if query[at] == "\\" and query[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        phrase += query[at]
        at += 1
    return phrase, at


def _contains(text: ColumnElement[str], term: str) -> Clause:
    return text.icontains(term, autoescape=True)
