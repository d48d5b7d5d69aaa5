"""Reading the states of runs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ephemeral_server.orchestration.schemas import StateResponse
from tests.api.objects import NOBODY, new_flow_run, new_task_run, set_state, states_of
from tests.api.shapes import assert_shape

KINDS = pytest.mark.parametrize("kind", ["flow_run", "task_run"])


def new_run(api: httpx.Client, kind: str) -> dict[str, Any]:
    return new_flow_run(api) if kind == "flow_run" else new_task_run(api)


@KINDS
def test_states_are_listed_in_the_order_in_which_they_were_entered(
    api: httpx.Client, kind: str
) -> None:
    run = new_run(api, kind)
    for type in ("RUNNING", "COMPLETED"):
        set_state(api, f"/{kind}s/{run['id']}", type, data={"of": type})

    states = states_of(api, kind, run["id"])

    assert_shape(list[StateResponse], states)
    assert [state["type"] for state in states] == ["PENDING", "RUNNING", "COMPLETED"]
    assert [state["data"] for state in states] == [None, {"of": "RUNNING"}, {"of": "COMPLETED"}]
    assert sorted(states, key=lambda state: state["timestamp"]) == states


@KINDS
def test_one_state_is_read_by_its_id(api: httpx.Client, kind: str) -> None:
    run = new_run(api, kind)

    answer = api.get(f"/{kind}_states/{run['state_id']}")

    assert (answer.status_code, answer.json()) == (200, run["state"])


@KINDS
def test_an_unknown_state_is_answered_with_404(api: httpx.Client, kind: str) -> None:
    answer = api.get(f"/{kind}_states/{NOBODY}")

    assert (answer.status_code, answer.json()) == (404, {"detail": "Flow run state not found"})


@KINDS
def test_an_unknown_run_has_no_states(api: httpx.Client, kind: str) -> None:
    assert states_of(api, kind, NOBODY) == []


@KINDS
@pytest.mark.parametrize("query", ["", "?{kind}_id=", "?{kind}_id=nobody"])
def test_a_list_needs_the_id_of_a_run(api: httpx.Client, kind: str, query: str) -> None:
    answer = api.get(f"/{kind}_states/{query.format(kind=kind)}")

    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["query", f"{kind}_id"]


def test_a_state_of_the_other_kind_is_unknown(api: httpx.Client) -> None:
    flow_run, task_run = new_flow_run(api), new_task_run(api)

    assert api.get(f"/task_run_states/{flow_run['state_id']}").status_code == 404
    assert api.get(f"/flow_run_states/{task_run['state_id']}").status_code == 404
    assert states_of(api, "task_run", flow_run["id"]) == []
