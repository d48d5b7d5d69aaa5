"""What is sent to flow runs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from ephemeral_server.flow_runs.input_routes import FlowRunInput
from tests.api.shapes import assert_shape
from tests.application import Application
from tests.orchestration.runs import Run, Runs


@pytest.fixture
def run(runs: Runs) -> Run:
    return runs.flow_run()


def _send(run: Run, key: str, value: Any = '"v"', **more: Any) -> httpx.Response:
    body = {"key": key, "value": value, **more}
    return run.application.post(f"/flow_runs/{run.id}/input", body)


def _listed(run: Run, prefix: str = "", **query: Any) -> list[dict[str, Any]]:
    body = {"prefix": prefix, **query}
    reply = run.application.post(f"/flow_runs/{run.id}/input/filter", body)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()
    return found


def _keys(run: Run, prefix: str = "", **query: Any) -> list[str]:
    return [each["key"] for each in _listed(run, prefix, **{"limit": 10, **query})]


def test_an_input_is_read_back_as_it_was_sent(run: Run) -> None:
    value = '{"né": "\\u00e9 \\n"}  '
    reply = _send(run, "a-1", value, sender="prefect.flow-run.x")

    assert (reply.status_code, reply.json()) == (201, None)
    read = run.application.get(f"/flow_runs/{run.id}/input/a-1")
    assert (read.status_code, read.text) == (200, value)
    assert read.headers["content-type"] == "text/plain; charset=utf-8"
    (listed,) = _listed(run)
    assert_shape(FlowRunInput, listed)
    assert (listed["value"], listed["sender"]) == (value, "prefect.flow-run.x")
    assert (listed["flow_run_id"], listed["key"]) == (run.id, "a-1")


def test_a_key_holds_one_input(run: Run) -> None:
    _send(run, "k", "first")
    again = _send(run, "k", "second")

    assert again.status_code == 409
    assert again.json() == {"detail": "A flow run input with this key already exists."}
    assert run.application.get(f"/flow_runs/{run.id}/input/k").text == "first"


def test_two_runs_may_use_the_same_key(run: Run, runs: Runs) -> None:
    other = runs.flow_run()

    assert [_send(each, "k").status_code for each in (run, other)] == [201, 201]
    assert _keys(run) == ["k"]


def test_a_key_may_be_empty(run: Run) -> None:
    assert _send(run, "").status_code == 201


@pytest.mark.parametrize("key", ["A", "a_b", "é", "a b", "a/b", "a\n", 1])
def test_a_key_has_small_letters_digits_and_hyphens_alone(run: Run, key: Any) -> None:
    reply = _send(run, key)

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", "key"]
    assert _keys(run) == []


def test_a_value_that_is_no_text_is_refused(run: Run) -> None:
    reply = _send(run, "k", {"a": 1})

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", "value"]


def test_an_unknown_run_takes_no_input(application: Application) -> None:
    reply = application.post(f"/flow_runs/{uuid4()}/input", {"key": "k", "value": "v"})

    assert (reply.status_code, reply.json()) == (404, {"detail": "Flow run not found"})


def test_inputs_come_in_the_order_they_were_sent(run: Run) -> None:
    keys = [str(uuid4()) for _ in range(5)]  # all within one instant
    for key in keys:
        _send(run, key)

    assert _keys(run) == keys
    assert [each["key"] for each in _listed(run)] == keys[:1]
    assert _keys(run, limit=2, exclude_keys=keys[:2]) == keys[2:4]


def test_a_prefix_has_no_wildcards_and_minds_capitals(run: Run) -> None:
    for key in ("ab-1", "ab-2", "aab"):
        _send(run, key)

    assert _keys(run, "ab-") == ["ab-1", "ab-2"]
    assert _keys(run, "a_") == _keys(run, "%") == _keys(run, "AB") == []


def test_an_unknown_run_has_no_inputs(application: Application) -> None:
    reply = application.post(f"/flow_runs/{uuid4()}/input/filter", {"prefix": ""})

    assert (reply.status_code, reply.json()) == (200, [])


@pytest.mark.parametrize("body", [{}, {"prefix": "", "limit": -1}, {"prefix": 1}])
def test_a_wrong_question_is_refused(run: Run, body: Any) -> None:
    reply = run.application.post(f"/flow_runs/{run.id}/input/filter", body)

    assert reply.status_code == 422


def test_a_deleted_input_is_gone(run: Run) -> None:
    _send(run, "k")
    path = f"/flow_runs/{run.id}/input/k"

    assert run.application.delete(path).status_code == 204
    for reply in (run.application.get(path), run.application.delete(path)):
        assert (reply.status_code, reply.json()) == (404, {"detail": "Flow run input not found"})


def test_inputs_go_with_their_run(run: Run) -> None:
    _send(run, "k")
    run.application.delete(f"/flow_runs/{run.id}")

    assert _keys(run) == []
