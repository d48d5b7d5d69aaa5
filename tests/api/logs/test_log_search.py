"""The grammar of the text search, and its meaning on both databases."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import Connection, and_, select, true

from ephemeral_server.clock import SystemClock
from ephemeral_server.database import open_database
from ephemeral_server.database.tables import log
from ephemeral_server.logs.schemas import SEARCHED
from ephemeral_server.logs.search import Search, parse
from ephemeral_server.logs.store import create_logs
from ephemeral_server.settings import Settings

SEED = 20260101


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("", Search()),
        (" \t\n", Search()),
        ("word", Search(include=("word",))),
        ("two words", Search(include=("two", "words"))),
        ("-a !b", Search(exclude=("a", "b"))),
        ("+a +b", Search(require=("a", "b"))),
        ("c -a +b", Search(("c",), ("a",), ("b",))),
        ('"a phrase"', Search(include=("a phrase",))),
        ('-"not this" +"but that"', Search((), ("not this",), ("but that",))),
        (r'"a \"quote\""', Search(include=('a "quote"',))),
        (r'"back\\slash"', Search(include=("back\\slash",))),
        (r'"C:\temp"', Search(include=(r"C:\temp",))),
        (r"C:\temp", Search(include=(r"C:\temp",))),
        ('"never closed', Search(include=("never closed",))),
        ('"ends with \\', Search(include=("ends with \\",))),
        ("- a", Search(include=("a",))),
        ("a +", Search(include=("a",))),
        ("!", Search()),
        ("--a", Search(exclude=("-a",))),
        ("a-b+c!d", Search(include=("a-b+c!d",))),
        ('he"llo w"', Search(include=("he", "llo w"))),
        ('-he"llo"', Search(("llo",), ("he",))),
        ('""', Search()),
        ('-"" +""', Search()),
        ('"a""b"', Search(include=("a", "b"))),
    ],
)
def test_grammar(query: str, search: Search) -> None:
    assert parse(query) == search


def test_any_terms_can_be_asked_for_as_phrases() -> None:
    source = random.Random(SEED)
    for _ in range(2000):
        terms: dict[str, list[str]] = {"": [], "-": [], "+": []}
        query = ""
        for _ in range(source.randrange(5)):
            prefix = source.choice(["", "-", "+"])
            term = "".join(source.choices('ab "\\-+!%_', k=source.randint(1, 6)))
            escaped = term.replace("\\", r"\\").replace('"', r"\"")
            terms[prefix].append(term)
            query += source.choice(["", " ", "\n"]) + f'{prefix}"{escaped}"'
        wanted = Search(tuple(terms[""]), tuple(terms["-"]), tuple(terms["+"]))
        assert parse(query) == wanted, query


def test_every_text_is_a_query_without_empty_terms() -> None:
    source = random.Random(SEED)
    for _ in range(5000):
        query = "".join(source.choices('ab "\\-+!\n', k=source.randint(0, 12)))
        search = parse(query)
        assert all(term for terms in search for term in terms), query
        if '"' not in query:
            assert not any(char.isspace() for terms in search for term in terms for char in term)


def fits(search: Search, text: str) -> bool:
    """What a search means, said in Python."""
    text = text.lower()
    return (
        (not search.include or any(term.lower() in text for term in search.include))
        and not any(term.lower() in text for term in search.exclude)
        and all(term.lower() in text for term in search.require)
    )


def test_both_databases_find_what_the_search_means(database_url: str) -> None:
    source = random.Random(SEED)
    alphabet = "aAbB%_/\\' \"[*?^"
    texts = ["".join(source.choices(alphabet, k=source.randint(0, 8))) for _ in range(300)]
    searches = [
        Search(*[tuple(source.choices(texts, k=source.randrange(3))) for _ in range(3)])
        for _ in range(20)
    ]
    searches += [
        Search(*[tuple(source.choices(alphabet, k=source.randrange(3))) for _ in range(3)])
        for _ in range(40)
    ]
    searches = [Search(*[tuple(t for t in terms if t) for terms in s]) for s in searches]

    logs = [("logger", 20, text, number, None, None) for number, text in enumerate(texts)]

    def found(connection: Connection, search: Search) -> list[int]:
        where = and_(true(), *search.clauses(SEARCHED))
        query = select(log.c.timestamp).where(where).order_by(log.c.timestamp)
        return list(connection.execute(query).scalars())

    async def ask() -> list[list[int]]:
        settings = Settings(database_url=database_url)
        database = await open_database(settings, SystemClock(), lambda events: None)
        try:
            await database.write(create_logs, logs)
            return [await database.read(found, search) for search in searches]
        finally:
            await database.close()

    haystacks = [f"{text} logger" for text in texts]
    wanted = [[n for n, text in enumerate(haystacks) if fits(search, text)] for search in searches]
    assert asyncio.run(ask()) == wanted
    assert any(wanted)
