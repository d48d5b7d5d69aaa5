"""Live logs fit a filter exactly when a search with it finds them, on both databases."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Any

import pytest

from ephemeral_server.database.tables import log
from ephemeral_server.live import Subscription
from ephemeral_server.logs.schemas import LogFilter
from ephemeral_server.logs.wire import LOG
from tests.application import Application

SEED = 20260102

A, B, C = (f"0190a000-0000-7000-8000-00000000000{letter}" for letter in "abc")
TIMES = [
    "2026-01-01T12:00:00Z",
    "2026-01-01T12:00:00.000001Z",
    "2026-01-01T14:00:00+02:00",
    "2026-01-02T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
]
MESSAGES = [
    "Disk full",
    "disk is FULL, retry",
    "no space left: 100%",
    "no_space",
    r"C:\temp",
    'he said "retry"',
    "Größe ☃",
    "",
    "per\ncent % and _",
]
QUERIES = [
    "",
    '""',
    "-",
    "disk",
    "DISK space",
    "-retry",
    "!disk !space",
    "+disk +full",
    "+disk +retry",
    "-disk -space",
    "disk -retry",
    "+disk +retry -no space",
    '"no space" c:',
    '-"disk full"',
    "100% temp",
    "_",
    r"\ +temp",
    r'"\"retry\""',
    "Größe",
    "☃",
    "prefect.task",
    "-prefect",
    '"full prefect"',
    "l p",
    "'; -- \" or True",
]
IDS = [[], [A], [A, B], [A.upper()], [C.replace("-", "")], [A, A, C], [B] * 300]
LEVELS = [-(2**63), -1, 0, 10, 20, 30, 2**63 - 1]

#: Values of each operator of each criterion.
CRITERIA: dict[str, dict[str, list[Any]]] = {
    "level": {"ge_": LEVELS, "le_": LEVELS},
    "timestamp": {"after_": TIMES, "before_": TIMES},
    "flow_run_id": {"any_": IDS},
    "task_run_id": {"any_": IDS, "is_null_": [True, False]},
    "text": {"query": QUERIES},
}


def each_alone() -> Iterator[dict[str, Any]]:
    """Filters with one operator, and those that restrict nothing."""
    yield from ({}, {"operator": "or_"}, {"operator": "or_", "level": {}}, {"level": None})
    yield {"operator": "or_", "level": {}, "flow_run_id": {"any_": [A]}}
    yield {"operator": "or_", "flow_run_id": {"any_": []}, "text": {"query": " "}}
    for criterion, operators in CRITERIA.items():
        for operator, values in operators.items():
            for value in values:
                yield {criterion: {operator: value}}


def mixtures(source: random.Random) -> Iterator[dict[str, Any]]:
    """Filters with some criteria, each with some operators."""
    while True:
        mixture: dict[str, Any] = {"operator": source.choice(["and_", "or_"])}
        for criterion in source.sample(list(CRITERIA), source.randint(2, 5)):
            operators = list(CRITERIA[criterion])
            asked = source.sample(operators, source.randint(1, len(operators)))
            mixture[criterion] = {name: source.choice(CRITERIA[criterion][name]) for name in asked}
        yield mixture


def some_logs(source: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "name": source.choice(["prefect.flow_runs", "prefect.task_runs", "l"]),
            "level": source.choice(LEVELS),
            "message": source.choice(MESSAGES),
            "timestamp": source.choice(TIMES),
            "flow_run_id": source.choice([A, B, C, None]),
            "task_run_id": source.choice([A, B, C, None, None]),
        }
        for _ in range(100)
    ]


async def received(subscriptions: list[Subscription[Any]]) -> list[list[str]]:
    """The ids of the logs that wait for each subscriber."""
    ids: list[list[str]] = []
    for subscription in subscriptions:
        ids.append([])
        while subscription.waiting:
            ids[-1].append(json.loads(await anext(subscription))["log"]["id"])
    return ids


@pytest.fixture(autouse=True)
def _no_logs(application: Application) -> None:
    application.write(lambda tx: tx.connection.execute(log.delete()))


def watched(
    application: Application, filters: list[dict[str, Any]], logs: list[dict[str, Any]]
) -> list[list[str]]:
    """What those who watch with these filters receive of the logs."""
    feed = application.runtime.live_logs
    with ExitStack() as stack:
        subscriptions = [
            stack.enter_context(feed.subscription(LogFilter.model_validate(each).picker(LOG.keys)))
            for each in filters
        ]
        for at in range(0, len(logs), 60):
            application.post("/logs/", logs[at : at + 60])
            application.clock.advance(1)
        return application.wait(received(subscriptions))


def found(application: Application, filter: dict[str, Any]) -> list[str]:
    """What a search finds."""
    answer = application.post("/logs/filter", {"logs": filter})
    assert answer.status_code == 200, answer.text
    return [log["id"] for log in answer.json()]


def test_who_watches_receives_what_a_search_finds(application: Application) -> None:
    source = random.Random(SEED)
    filters = [*each_alone(), *islice(mixtures(source), 80)]

    live = watched(application, filters, some_logs(source))

    sizes = set()
    for filter, ids in zip(filters, live, strict=True):
        assert sorted(ids) == sorted(found(application, filter)), filter
        sizes.add(len(ids))
    assert {0, 100} < sizes
    assert len(sizes) > 40


def test_logs_are_received_in_the_order_in_which_they_came(application: Application) -> None:
    logs = [{**each, "timestamp": TIMES[0]} for each in some_logs(random.Random(SEED))]

    (live,) = watched(application, [{}], logs)

    assert live == found(application, {})  # of one instant: as they came


@pytest.mark.parametrize("query", ["größe", "GRÖSSE größe", "-GRÖßE", "+GRÖßE"])
def test_live_search_knows_capitals_of_every_alphabet(application: Application, query: str) -> None:
    logs = [{"name": "l", "level": 0, "message": "Größe", "timestamp": TIMES[0]}]

    (live,) = watched(application, [{"text": {"query": query}}], logs)

    assert len(live) == (0 if query.startswith("-") else 1)
