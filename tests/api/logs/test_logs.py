"""Keeping and finding logs."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from ephemeral_server.logs.schemas import Log
from tests.api.shapes import assert_shape

FLOW_RUN = "0190a000-0000-7000-8000-00000000000a"
TASK_RUN = "0190a000-0000-7000-8000-00000000000b"


def new_log(message: str, **values: Any) -> dict[str, Any]:
    timestamp = "2026-01-01T12:00:00Z"
    return {
        "name": "prefect",
        "level": 20,
        "message": message,
        "timestamp": timestamp,
        **values,
    }


def keep(api: httpx.Client, *logs: dict[str, Any]) -> None:
    answer = api.post("/logs/", json=logs)
    assert (answer.status_code, answer.content) == (201, b"null")


def found(api: httpx.Client, **body: Any) -> list[str]:
    """The messages of the logs that are found."""
    answer = api.post("/logs/filter", json=body)
    assert answer.status_code == 200, answer.text
    assert_shape(list[Log], answer.json())
    return [log["message"] for log in answer.json()]


def test_a_log_is_found_as_it_was_kept(api: httpx.Client) -> None:
    given = new_log("hello", flow_run_id=FLOW_RUN, task_run_id=TASK_RUN)

    keep(api, given)

    (log,) = api.post("/logs/filter", json={}).json()
    assert_shape(Log, log)
    assert log.items() >= given.items()
    assert log["created"] == log["updated"] is not None


def test_any_number_of_logs_is_kept(api: httpx.Client) -> None:
    keep(api)
    keep(api, *[new_log(str(number)) for number in range(5000)])

    assert len(found(api)) == 200
    assert found(api, offset=4990) == [str(number) for number in range(4990, 5000)]


def test_logs_of_one_instant_stay_in_the_order_in_which_they_came(api: httpx.Client) -> None:
    keep(api, *[new_log(letter) for letter in "edcba"])

    assert found(api) == list("edcba")
    assert found(api, sort="TIMESTAMP_DESC") == list("abcde")


def test_logs_are_sorted_by_their_timestamps(api: httpx.Client) -> None:
    keep(
        api,
        new_log("second", timestamp="2026-01-01T12:00:00.000002Z"),
        new_log("third", timestamp="2026-01-01T12:00:01+00:00"),
        new_log("first", timestamp="2026-01-01T14:00:00.000001+02:00"),
        new_log("naive", timestamp="2026-01-01 11:00:00"),
    )

    assert found(api) == ["naive", "first", "second", "third"]
    assert found(api, sort="TIMESTAMP_DESC") == ["third", "second", "first", "naive"]
    assert found(api, limit=1, offset=1) == ["first"]


def test_the_same_log_is_kept_as_often_as_it_comes(api: httpx.Client) -> None:
    keep(api, new_log("again"))
    keep(api, new_log("again"))

    assert found(api) == ["again", "again"]


def test_logs_name_their_runs_in_any_spelling_of_the_id(api: httpx.Client) -> None:
    keep(
        api,
        new_log("upper", flow_run_id=FLOW_RUN.upper()),
        new_log("bare", flow_run_id=FLOW_RUN.replace("-", "")),
    )

    assert found(api, logs={"flow_run_id": {"any_": [FLOW_RUN]}}) == ["upper", "bare"]


def test_what_a_database_cannot_store_is_taken_out_of_the_text(api: httpx.Client) -> None:
    log = new_log("a\x00b \ud800 ü", name="\x00logger")
    answer = api.post("/logs/", content=json.dumps([log]))
    assert answer.status_code == 201

    (kept,) = api.post("/logs/filter").json()
    assert (kept["message"], kept["name"]) == ("ab ? ü", "logger")


def test_logs_of_another_shape_are_refused_and_none_of_them_is_kept(api: httpx.Client) -> None:
    good = new_log("good")
    bad: list[Any] = [
        good,
        [[]],
        [good, {}],
        [good, {**good, "worker_id": None}],
        [good, {**good, "level": 2**63}],
        [good, {**good, "level": "loud"}],
        [good, {**good, "message": None}],
        [good, {**good, "timestamp": "yesterday"}],
        [good, {**good, "timestamp": "0001-01-01T00:00:00+01:00"}],
        [good, {**good, "timestamp": "9999-12-31T23:59:59-01:00"}],
        [good, {**good, "flow_run_id": "5"}],
        [good, {**good, "flow_run_id": 5}],
        [good, {**good, "task_run_id": []}],
    ]
    for body in bad:
        answer = api.post("/logs/", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["exception_message"] == "Invalid request received."

    assert found(api) == []


def test_instants_at_the_edges_of_the_calendar_are_kept(api: httpx.Client) -> None:
    first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"

    keep(api, new_log("last", timestamp=last), new_log("first", timestamp=first))

    logs = api.post("/logs/filter").json()
    assert [log["timestamp"] for log in logs] == [first, last]


def test_logs_are_found_by_level_time_and_run(api: httpx.Client) -> None:
    keep(
        api,
        new_log("flow", flow_run_id=FLOW_RUN, level=10),
        new_log("task", flow_run_id=FLOW_RUN, task_run_id=TASK_RUN, level=30),
        new_log("other", level=20, timestamp="2026-01-01T13:00:00Z"),
    )
    one = "2026-01-01T13:00:00Z"
    for criteria, messages in (
        ({}, ["flow", "task", "other"]),
        ({"level": {"ge_": 20}}, ["task", "other"]),
        ({"level": {"ge_": 20, "le_": 20}}, ["other"]),
        ({"timestamp": {"before_": one}}, ["flow", "task", "other"]),
        ({"timestamp": {"after_": one}}, ["other"]),
        ({"flow_run_id": {"any_": [FLOW_RUN]}}, ["flow", "task"]),
        ({"flow_run_id": {"any_": []}}, []),
        ({"task_run_id": {"any_": [TASK_RUN]}}, ["task"]),
        ({"task_run_id": {"is_null_": True}}, ["flow", "other"]),
        ({"task_run_id": {"is_null_": False}}, ["task"]),
        ({"flow_run_id": {"any_": [FLOW_RUN]}, "task_run_id": {"is_null_": True}}, ["flow"]),
        (
            {"operator": "or_", "level": {"le_": 10}, "timestamp": {"after_": one}},
            ["flow", "other"],
        ),
    ):
        assert found(api, logs=criteria) == messages, criteria


def test_a_search_of_another_shape_is_refused(api: httpx.Client) -> None:
    bodies: tuple[Any, ...] = (
        [],
        {"logs": {"color": {}}},
        {"logs": {"text": {}}},
        {"logs": {"text": {"query": "x" * 201}}},
        {"logs": {"text": {"query": "nul\x00"}}},
        {"logs": {"task_run_id": {"operator": "or_"}}},
        {"logs": {"level": {"ge_": 10**30}}},
        {"limit": 201},
        {"sort": "LEVEL"},
    )
    for body in bodies:
        assert api.post("/logs/filter", json=body).status_code == 422, body


def test_logs_are_found_by_words_in_message_and_logger(api: httpx.Client) -> None:
    keep(
        api,
        new_log("Disk full on node-1", name="prefect.flow_runs"),
        new_log("disk is 100% full", name="prefect.task_runs"),
        new_log("all is well_done", name="worker"),
    )
    disk, percent, well = "Disk full on node-1", "disk is 100% full", "all is well_done"
    for query, messages in (
        ("", [disk, percent, well]),
        ("DISK", [disk, percent]),
        ("disk well", [disk, percent, well]),
        ("+disk +percent", []),
        ("+disk +100%", [percent]),
        ("-disk", [well]),
        ("full !node", [percent]),
        ('"is well"', [well]),
        ('-"disk full"', [percent, well]),
        ("_", [disk, percent, well]),
        ("l_d", [well]),
        ("%", [percent]),
        ("worker", [well]),
        ('"done worker"', [well]),
        ("prefect.flow", [disk]),
    ):
        assert found(api, logs={"text": {"query": query}}) == messages, query


def test_with_or_each_kind_of_terms_is_a_criterion_of_its_own(api: httpx.Client) -> None:
    keep(api, new_log("red apple"), new_log("green apple"), new_log("green pear", level=40))
    text = {"query": "red -apple"}

    assert found(api, logs={"text": text}) == []
    assert found(api, logs={"operator": "or_", "text": text}) == ["red apple", "green pear"]
    assert found(api, logs={"operator": "or_", "text": {"query": "red"}, "level": {"ge_": 40}}) == [
        "red apple",
        "green pear",
    ]


@pytest.mark.parametrize("query", ["", " ", '-""'])
def test_a_search_for_nothing_takes_no_part_in_an_or(api: httpx.Client, query: str) -> None:
    keep(api, new_log("low"), new_log("high", level=40))
    text = {"query": query}

    assert found(api, logs={"operator": "or_", "text": text, "level": {"ge_": 40}}) == ["high"]
    assert found(api, logs={"operator": "or_", "text": text}) == ["low", "high"]


def test_a_search_that_is_too_long_is_told_how_long_it_may_be(api: httpx.Client) -> None:
    answer = api.post("/logs/filter", json={"logs": {"text": {"query": "x" * 201}}})

    (error,) = answer.json()["exception_detail"]
    assert (error["type"], error["msg"]) == (
        "string_too_long",
        "String should have at most 200 characters",
    )
