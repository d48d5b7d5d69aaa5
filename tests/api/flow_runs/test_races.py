"""Requests about one flow run that come at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter

import asyncpg
import httpx

from ephemeral_server import ephemeral
from tests import web
from tests.api.objects import new_flow_run, new_task_run, set_state, states_of
from tests.crowd import MANY, at_once


def test_of_many_workers_that_take_a_run_one_gets_it(api: httpx.Client) -> None:
    run = new_flow_run(api, "SCHEDULED")

    answers = at_once(lambda _: set_state(api, f"/flow_runs/{run['id']}", "PENDING"))

    outcomes = Counter((answer.status_code, answer.json()["status"]) for answer in answers)
    assert outcomes == {(201, "ACCEPT"): 1, (200, "ABORT"): MANY - 1}
    types = [state["type"] for state in states_of(api, "flow_run", run["id"])]
    assert types == ["SCHEDULED", "PENDING"]


def test_of_many_workers_that_take_a_background_task_one_gets_it(api: httpx.Client) -> None:
    run = new_task_run(api, "SCHEDULED")
    deferred = {"state_details": {"deferred": True}}

    answers = at_once(lambda _: set_state(api, f"/task_runs/{run['id']}", "PENDING", **deferred))

    statuses = Counter(answer.json()["status"] for answer in answers)
    assert statuses == {"ACCEPT": 1, "ABORT": MANY - 1}
    assert len(states_of(api, "task_run", run["id"])) == 2


def test_states_that_are_forced_at_once_follow_each_other(api: httpx.Client) -> None:
    run = new_flow_run(api)
    path = f"/flow_runs/{run['id']}"

    answers = at_once(lambda n: set_state(api, path, "RUNNING", name=f"R{n}", force=True))

    assert [answer.status_code for answer in answers] == [201] * MANY
    states = states_of(api, "flow_run", run["id"])
    assert {state["name"] for state in states} == {"Pending", *(f"R{n}" for n in range(MANY))}
    stamps = [state["timestamp"] for state in states]
    assert stamps == sorted(set(stamps))
    after = api.get(path).json()
    assert (after["run_count"], after["state"]) == (MANY, states[-1])


def test_labels_that_are_added_at_once_are_all_kept(api: httpx.Client) -> None:
    run = new_flow_run(api)
    path = f"/flow_runs/{run['id']}"

    at_once(lambda n: api.patch(f"{path}/labels", json={f"label {n}": n}))

    added = {f"label {n}": n for n in range(MANY)}
    assert api.get(path).json()["labels"] == {**run["labels"], **added}


def test_a_run_that_is_deleted_meanwhile_is_gone_for_good(api: httpx.Client) -> None:
    run = new_flow_run(api)
    path = f"/flow_runs/{run['id']}"

    def request(number: int) -> httpx.Response:
        if number == 0:
            return api.delete(path)
        return set_state(api, path, "RUNNING", data={"n": number}, force=True)

    deleted, *proposed = at_once(request)

    assert deleted.status_code == 204
    assert {answer.status_code for answer in proposed} <= {201, 404}
    assert api.get(path).status_code == 404
    assert states_of(api, "flow_run", run["id"]) == []


def test_a_state_does_not_wait_for_task_runs_that_are_being_added(postgres_url: str) -> None:
    async def propose(api: httpx.Client) -> httpx.Response:
        path = f"/flow_runs/{new_flow_run(api)['id']}"
        other = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
        try:
            async with other.transaction():
                # What inserting a row that refers to the run does, until it is committed.
                await other.execute("SELECT 1 FROM flow_run FOR KEY SHARE")
                return await asyncio.to_thread(set_state, api, path, "RUNNING")
        finally:
            await other.close()

    with (
        ephemeral(database_url=postgres_url, activate=False) as server,
        web.client(server.api_url) as api,
    ):
        answer = asyncio.run(propose(api))
    assert (answer.status_code, answer.json()["status"]) == (201, "ACCEPT")
