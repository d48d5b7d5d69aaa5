"""Requests made up from our own OpenAPI document: no answer is an error of the server's.

The requests are the same in each run. To look for more, say how many to make up for each
operation: then they are others in each run, and every bound of every member is tried. ::

    FUZZ_EXAMPLES=500 python -m pytest tests/fuzz/test_schema.py
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from typing import Any, TypeAlias

import httpx
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.openapi import from_dict
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ephemeral_server import EphemeralServer, create_api_app
from tests.fuzz.document import complete
from tests.fuzz.known import Known

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
AnyCase: TypeAlias = Case[Any]

_ASKED = int(os.environ.get("FUZZ_EXAMPLES", 0))
EXAMPLES = _ASKED or 8
#: Of the requests at the bounds of what an operation takes, how many are sent (lists have 1,500).
SYSTEMATIC = 10_000 if _ASKED else 30
#: Operations that take the filters of the list routes, and are tried with a few requests.
SIMILAR = () if _ASKED else ("/count", "/paginate")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MODES = [GenerationMode("positive"), GenerationMode("negative")]
AREAS = (
    "flows",
    "flow_runs",
    "task_runs",
    "work_pools",
    "deployments",
    "block_types",
    "block_schemas",
    "block_documents",
    "variables",
    "artifacts",
    "concurrency_limits",
    "v2",
)
#: Always refused: without CSRF protection, and without an instant that its shape does not ask for.
CSRF = "GET /csrf-token"
DASHBOARD = "POST /ui/task_runs/dashboard/counts"


class Requests:
    """Requests to each operation, made up once and sent to a server on each kind of database.

    Args:
        document: what the server says of itself.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        schema = from_dict(complete(document))
        self.operations: list[Operation] = []
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            self.operations.append(found.ok())
        self._systematic: dict[str, list[AnyCase]] = {}
        self._made_up: dict[tuple[str, int], list[AnyCase]] = {}

    def systematic(self, operation: Operation, dialect: str) -> list[AnyCase]:
        """Requests at the bounds of what the operation takes; others on another database."""
        if operation.path.endswith(SIMILAR):
            return []
        cases = self._systematic.get(operation.label)
        if cases is None:
            config = operation.schema.config.generation_for(operation=operation, phase="coverage")
            cases = list(
                operation.schema.iter_coverage_cases(
                    operation, generation_modes=MODES, generation_config=config
                )
            )
            kept = min(len(cases), 2 * SYSTEMATIC)
            cases = random.Random(operation.label).sample(cases, kept)
            self._systematic[operation.label] = cases
        return cases[:SYSTEMATIC] if dialect.startswith("sqlite") else cases[-SYSTEMATIC:]

    def made_up(
        self, operation: Operation, modes: list[GenerationMode], examples: int
    ) -> list[AnyCase]:
        """Requests by chance; the same ones on each database, unless more are asked for."""
        key = (operation.label, examples)
        if key not in self._made_up or _ASKED:
            options = settings(
                max_examples=examples,
                derandomize=not _ASKED,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            cases: list[AnyCase] = []

            def keep(case: AnyCase) -> None:
                cases.append(case)

            made_up = one_of([operation.as_strategy(generation_mode=mode) for mode in modes])
            options(given(case=made_up)(keep))()
            self._made_up[key] = cases
        return self._made_up[key]


class Fuzzer:
    """Sends requests to a server.

    Args:
        server: which.
        api: a client of it.
        made: the requests.
        session: what they are sent by.
    """

    def __init__(
        self,
        server: EphemeralServer,
        api: httpx.Client,
        made: Requests,
        session: requests.Session,
    ) -> None:
        self._requests = made
        self._url = server.api_url
        self._dialect = str(server.database_url).partition(":")[0]
        self._session = session
        self._known = Known(api)
        self._statuses: set[int] = set()

    def run(self, area: str) -> dict[str, set[int]]:
        """Try every operation below a path; ``""`` stands for all that are in no area.

        Returns:
            What each operation answered with.
        """
        answered: dict[str, set[int]] = {}
        for operation in self._requests.operations:
            first = operation.path.split("/")[1]
            if first == area or (not area and first not in AREAS):
                self._known.renew(area)
                self._statuses = answered[operation.label] = set()
                self._try(operation)
                self._known.read_back()
        return answered

    def _try(self, operation: Operation) -> None:
        for case in self._requests.systematic(operation, self._dialect):
            self._send(case)
        for case in self._requests.made_up(operation, MODES, EXAMPLES):
            self._send(case)
        if min(self._statuses) >= 400:
            # By chance none was right; the more, the rarer.
            for case in self._requests.made_up(operation, MODES[:1], 10 * EXAMPLES):
                self._send(case)

    def _send(self, case: AnyCase) -> None:
        kind = case.operation.path.removeprefix("/v2").split("/")[1].removesuffix("s")
        given = case.path_parameters, case.query, case.body
        case.path_parameters = self._known.placed_in_path(case.path_parameters, kind)
        case.query = self._known.placed(case.query, kind)
        case.body = self._known.placed(case.body, kind)
        answer = case.call(base_url=self._url, session=self._session)
        case.validate_response(answer, checks=CHECKS)
        self._statuses.add(answer.status_code)
        # It is sent to another server, too.
        case.path_parameters, case.query, case.body = given


@pytest.fixture(scope="module")
def made() -> Requests:
    return Requests(create_api_app().openapi())


@pytest.fixture
def fuzzer(server: EphemeralServer, api: httpx.Client, made: Requests) -> Iterator[Fuzzer]:
    with requests.Session() as session:
        session.trust_env = False
        yield Fuzzer(server, api, made, session)


@pytest.mark.timeout(60 + 30 * EXAMPLES)
@pytest.mark.parametrize("area", [*AREAS, ""])
def test_no_request_makes_the_server_fail(
    fuzzer: Fuzzer, area: str, caplog: pytest.LogCaptureFixture
) -> None:
    answered = fuzzer.run(area)
    # Not all was refused, so the requests reach what the operations do.
    refused = [name for name, statuses in answered.items() if min(statuses) >= 400]
    assert set(refused) <= {CSRF, DASHBOARD}
    # A conflict (409) is logged as an error, too, with its cause.
    errors = [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
    assert [error for error in errors if "was refused by the database" not in error] == []
