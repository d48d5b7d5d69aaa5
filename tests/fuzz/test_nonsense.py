"""Nonsense in every place of every body: refused with a reason, or taken and readable again."""

from __future__ import annotations

import itertools
import json
import logging
from typing import Any, NoReturn

import httpx
import pytest

from tests.application import Application
from tests.fuzz.bodies import PARSED, READS, STORED, WRITES, Population, Site, populate

JSON = {"content-type": "application/json"}
#: The same for FastAPI, but what a `DirectRoute` leaves to it.
JSON_AS_WELL = {"content-type": "application/json; charset=utf-8"}
LISTS = (
    "flows",
    "flow_runs",
    "task_runs",
    "logs",
    "deployments",
    "block_types",
    "block_schemas",
    "block_documents",
    "variables",
    "artifacts",
    "v2/concurrency_limits",
)


def no_json(constant: str) -> NoReturn:
    raise AssertionError(f"the answer holds {constant}, which JSON lacks")


def fault(answer: httpx.Response) -> str | None:
    """What is wrong with the answer; None if it is as documented."""
    if answer.status_code == 204:
        return "204 with a body" if answer.content else None
    if answer.headers["content-type"] != "application/json":
        return f"content type {answer.headers['content-type']}"
    body: Any = json.loads(answer.content, parse_constant=no_json)
    if answer.status_code in (200, 201):
        return None
    if answer.status_code == 422 and isinstance(body.get("exception_detail"), list):
        complete = set(body) == {"exception_message", "exception_detail", "request_body"}
        reasons = [error["loc"][0] == "body" and error["msg"] for error in body["exception_detail"]]
        return None if complete and all(reasons) and reasons else "no reason is given"
    if answer.status_code in (400, 404, 409, 422):
        detail = body.get("detail") or body.get("exception_message")
        return None if isinstance(detail, str) and detail else "no reason is given"
    return "no status that is documented"


def attack(application: Application, site: Site, known: Population) -> list[str]:
    """Send the nonsense in all places of a body; what the server did wrong."""
    on_sqlite = application.runtime.database.dialect == "sqlite"
    nonsense = {**STORED, **PARSED} if on_sqlite else STORED
    headers = itertools.cycle((JSON, JSON_AS_WELL))
    faults = []
    for place, (name, value) in itertools.product(site.holes(), nonsense.items()):
        method, path, body = site.request(known, place, value)
        answer = application.request(method, path, content=body, headers=next(headers))
        wrong = fault(answer)
        if wrong is not None:
            where, status = ".".join(map(str, place)) or "the body", answer.status_code
            faults.append(f"{where} = {name}: {wrong}: {status} {answer.text[:200]}")
    return faults


@pytest.fixture
def known(application: Application) -> Population:
    return populate(application)


@pytest.mark.parametrize("site", [*READS, *WRITES], ids=str)
def test_the_bodies_are_sound_without_nonsense(
    application: Application, known: Population, site: Site
) -> None:
    method, path, body = site.sound(known)

    answer = application.request(method, path, content=body, headers=JSON)

    assert answer.is_success, answer.text


@pytest.mark.parametrize("site", READS, ids=str)
def test_no_nonsense_in_a_query_is_an_error_of_the_server(
    application: Application, known: Population, site: Site
) -> None:
    assert attack(application, site, known) == []


@pytest.mark.parametrize("site", WRITES, ids=str)
def test_nonsense_that_is_taken_can_be_read_again(
    application: Application, known: Population, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert attack(application, site, known) == []
    for kind in LISTS:
        for offset in (0, 200, 400):
            answer = application.post(f"/{kind}/filter", {"offset": offset})
            assert (answer.status_code, fault(answer)) == (200, None)
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert [message for message in errors if "was refused by the database" not in message] == []


def test_a_refused_body_leaves_nothing_behind(application: Application, known: Population) -> None:
    good = {"name": "n", "level": 1, "message": "half", "timestamp": "2026-01-02T03:04:05Z"}

    answer = application.post("/logs/", [good, good, {**good, "level": 2**63}, good])

    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", 2, "level"]
    query = {"logs": {"text": {"query": "half"}}}
    assert application.post("/logs/filter", query).json() == []
