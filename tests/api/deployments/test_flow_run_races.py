"""Runs of one deployment that are asked for at the same time."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import httpx

from tests.api.objects import made, new_flow
from tests.crowd import MANY, at_once


def _path(api: httpx.Client, **given: Any) -> str:
    """Where runs of a new deployment are asked for."""
    body = {"name": "d", "flow_id": new_flow(api)["id"], **given}
    return f"/deployments/{made(api, '/deployments/', body)['id']}/create_flow_run"


def test_one_run_is_made_for_a_key(api: httpx.Client) -> None:
    path = _path(api)

    answers = at_once(lambda _: api.post(path, json={"idempotency_key": "k"}))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: MANY - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_queue_is_made_once(api: httpx.Client) -> None:
    pool = made(api, "/work_pools/", {"name": f"p-{uuid.uuid4()}", "type": "process"})
    path = _path(api, work_pool_name=pool["name"])

    answers = at_once(lambda _: api.post(path, json={"work_queue_name": "new"}))

    assert [answer.status_code for answer in answers] == [201] * MANY
    assert len({answer.json()["work_queue_id"] for answer in answers}) == 1


def test_no_run_outlives_the_deployment_it_is_made_of(api: httpx.Client) -> None:
    path = _path(api)
    deployment = path.removesuffix("/create_flow_run")

    def request(number: int) -> httpx.Response:
        if number == MANY // 2:
            return api.delete(deployment)
        return api.post(path, json={})

    answers = at_once(request)

    assert {answer.status_code for answer in answers} <= {201, 204, 404}
    id = deployment.rpartition("/")[2]
    of_it = {"flow_runs": {"deployment_id": {"any_": [id]}}}
    assert api.post("/flow_runs/count", json=of_it).json() == 0
