"""Runs of one deployment that are asked for at the same time."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ephemeral_server import EphemeralServer
from tests import web
from tests.api.flow_runs.test_races import MANY, Crowd
from tests.api.objects import made, new_flow


@pytest.fixture
def crowd(server: EphemeralServer) -> Iterator[Crowd]:
    with web.client(server.api_url) as api:
        yield Crowd(api)


def _path(api: httpx.Client, **given: Any) -> str:
    """Where runs of a new deployment are asked for."""
    body = {"name": "d", "flow_id": new_flow(api)["id"], **given}
    return f"/deployments/{made(api, '/deployments/', body)['id']}/create_flow_run"


def test_one_run_is_made_for_a_key(crowd: Crowd) -> None:
    path = _path(crowd.api)

    answers = crowd.ask(lambda _: crowd.api.post(path, json={"idempotency_key": "k"}))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: MANY - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_queue_is_made_once(crowd: Crowd) -> None:
    pool = made(crowd.api, "/work_pools/", {"name": f"p-{uuid.uuid4()}", "type": "process"})
    path = _path(crowd.api, work_pool_name=pool["name"])

    answers = crowd.ask(lambda _: crowd.api.post(path, json={"work_queue_name": "new"}))

    assert [answer.status_code for answer in answers] == [201] * MANY
    assert len({answer.json()["work_queue_id"] for answer in answers}) == 1


def test_no_run_outlives_the_deployment_it_is_made_of(crowd: Crowd) -> None:
    path = _path(crowd.api)
    deployment = path.removesuffix("/create_flow_run")

    def request(number: int) -> httpx.Response:
        if number == MANY // 2:
            return crowd.api.delete(deployment)
        return crowd.api.post(path, json={})

    answers = crowd.ask(request)

    assert {answer.status_code for answer in answers} <= {201, 204, 404}
    id = deployment.rpartition("/")[2]
    of_it = {"flow_runs": {"deployment_id": {"any_": [id]}}}
    assert crowd.api.post("/flow_runs/count", json=of_it).json() == 0
