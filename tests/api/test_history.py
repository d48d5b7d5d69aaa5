"""Runs counted over time, flow runs and task runs alike."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database.tables import flow_run, task_run
from tests.application import Application
from tests.orchestration.runs import TYPES, Run, Runs

KINDS = ("flow_run", "task_run")
TABLES = {"flow_run": flow_run, "task_run": task_run}


class Counted:
    """Runs of one kind, and their history.

    Args:
        runs: makes them.
        kind: of them.
    """

    def __init__(self, runs: Runs, kind: str) -> None:
        self.application, self.kind = runs.application, kind
        self.start = runs.clock.now()
        self._runs = runs
        self._ids: list[str] = []

    def add(self, after: float | None, type: str = "COMPLETED", **columns: Any) -> None:
        """A run expected some seconds after the start of the history."""
        at = None if after is None else self.start + round(after * SECOND)
        given = {
            "state_type": type,
            "state_name": type.capitalize(),
            "expected_start_time": at,
            "start_time": at,
            **columns,
        }
        if self.kind == "flow_run":
            self._ids.append(self._runs.stateless_flow_run(**given).id)
        else:
            self._ids.append(self._runs.stateless_task_run(**given).id)

    def read(self, seconds: float, interval: Any, **filters: Any) -> list[dict[str, Any]]:
        """The history of these runs alone."""
        reply = self.application.post(
            f"/{self.kind}s/history",
            {
                "history_start": isoformat(self.start),
                "history_end": isoformat(self.start + round(seconds * SECOND)),
                "history_interval_seconds": interval,
                f"{self.kind}s": {"id": {"any_": self._ids}},
                **filters,
            },
        )
        assert reply.status_code == 200, reply.text
        history: list[dict[str, Any]] = reply.json()
        return history

    def counts(self, seconds: float, interval: float) -> list[int]:
        """How many runs each bucket holds."""
        history = self.read(seconds, interval)
        return [sum(group["count_runs"] for group in each["states"]) for each in history]


@pytest.fixture(params=KINDS)
def counted(request: pytest.FixtureRequest, runs: Runs) -> Counted:
    return Counted(runs, request.param)


def test_a_run_is_in_the_bucket_it_was_expected_in(counted: Counted) -> None:
    for after in (0, 9.999999, 10, 29.999999):
        counted.add(after)

    history = counted.read(30, 10)

    assert [each["interval_start"] for each in history] == [
        isoformat(counted.start + seconds * SECOND) for seconds in (0, 10, 20)
    ]
    assert [each["interval_end"] for each in history] == [
        isoformat(counted.start + seconds * SECOND) for seconds in (10, 20, 30)
    ]
    assert counted.counts(30, 10) == [2, 1, 1]


def test_runs_before_and_after_all_buckets_do_not_count(counted: Counted) -> None:
    for after in (-0.000001, 20, None):
        counted.add(after)

    assert counted.counts(20, 10) == [0, 0]


def test_the_last_bucket_is_as_long_as_the_others(counted: Counted) -> None:
    counted.add(29)

    assert counted.counts(21, 10) == [0, 0, 1]


def test_runs_are_grouped_by_type_and_name(counted: Counted) -> None:
    counted.add(1, "SCHEDULED", state_name="Late")
    counted.add(1, "SCHEDULED", state_name="Scheduled")
    counted.add(2, "FAILED")
    counted.add(3, "FAILED")

    (bucket,) = counted.read(10, 10)

    groups = [(g["state_type"], g["state_name"], g["count_runs"]) for g in bucket["states"]]
    assert groups == [
        ("FAILED", "Failed", 2),
        ("SCHEDULED", "Late", 1),
        ("SCHEDULED", "Scheduled", 1),
    ]


def test_running_times_are_summed_up_to_now(counted: Counted) -> None:
    for _ in range(2):
        counted.add(0, "RUNNING", total_run_time=500_000, state_timestamp=counted.start)
    counted.application.clock.advance(1.25)

    (bucket,) = counted.read(10, 10)

    assert bucket["states"][0]["sum_estimated_run_time"] == 3.5


def test_lateness_is_summed_up_to_now(counted: Counted) -> None:
    begun = counted.start + round(1.25 * SECOND)
    counted.add(1, "COMPLETED", start_time=begun)
    counted.add(1, "COMPLETED", start_time=counted.start)  # early
    counted.add(1, "SCHEDULED", start_time=None)
    counted.add(5, "SCHEDULED", start_time=None)  # not due yet
    counted.add(1, "CANCELLED", start_time=None)
    counted.application.clock.advance(3.5)

    (bucket,) = counted.read(10, 10)

    late = {group["state_type"]: group["sum_estimated_lateness"] for group in bucket["states"]}
    assert late == {"COMPLETED": 0.25, "SCHEDULED": 2.5, "CANCELLED": 0.0}


def test_history_is_what_counting_run_by_run_gives(counted: Counted) -> None:
    chance = random.Random(7)
    expected: Counter[tuple[int, str]] = Counter()
    for _ in range(60):
        after, type = chance.randrange(0, 40_000_000), chance.choice(TYPES)
        counted.add(after / SECOND, type)
        expected[after // 3_333_333, type] += 1

    history = counted.read(40, 3.333333)

    found = {
        (index, group["state_type"]): group["count_runs"]
        for index, bucket in enumerate(history)
        for group in bucket["states"]
    }
    assert found == {key: count for key, count in expected.items() if key[0] < len(history)}


def test_a_history_has_at_most_500_buckets(counted: Counted) -> None:
    counted.add(499.5)
    counted.add(500)

    assert counted.counts(1000, 1) == [0] * 499 + [1]


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_history_that_does_not_begin_is_empty(counted: Counted, seconds: float) -> None:
    assert counted.read(seconds, 1) == []


@pytest.mark.parametrize("interval", [9.123456, "9.123456"])
def test_buckets_are_as_long_as_asked_to_the_microsecond(counted: Counted, interval: Any) -> None:
    last = counted.read(20, interval)[-1]

    assert last["interval_start"] == isoformat(counted.start + 18_246_912)


@pytest.mark.parametrize("interval", [86_399_999_999_999, 1e308])
def test_a_bucket_may_be_longer_than_all_time(counted: Counted, interval: float) -> None:
    counted.add(1)

    (bucket,) = counted.read(10, interval)

    assert bucket["interval_end"] == "9999-12-31T23:59:59.999999Z"
    assert bucket["states"][0]["count_runs"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_buckets_shorter_than_a_second_are_refused(application: Application, kind: str) -> None:
    body = {
        "history_start": "2026-01-01T00:00:00",
        "history_end": "2026-01-01T00:00:10",
        "history_interval_seconds": 0.9,
    }
    reply = application.post(f"/{kind}s/history", body)

    assert reply.status_code == 422
    assert reply.json() == {"detail": "History interval must not be less than 1 second."}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("member", ["history_start", "history_end", "history_interval_seconds"])
def test_start_end_and_interval_are_needed(
    application: Application, kind: str, member: str
) -> None:
    body = {
        "history_start": "2026-01-01T00:00:00Z",
        "history_end": "2026-01-01T00:00:10Z",
        "history_interval_seconds": 1,
    }
    del body[member]
    reply = application.post(f"/{kind}s/history", body)

    assert reply.status_code == 422
    assert reply.json()["exception_detail"][0]["loc"] == ["body", member]


def test_related_entities_restrict_the_history(runs: Runs) -> None:
    counted = Counted(runs, "flow_run")
    counted.add(1)

    assert counted.read(10, 10, flows={"id": {"any_": [runs.flow_id]}})[0]["states"] != []
    assert counted.read(10, 10, flows={"name": {"any_": ["none"]}})[0]["states"] == []
    assert counted.read(10, 10, work_queues={})[0]["states"] == []


# The mean lateness of flow runs.


def _lateness(*which: Run) -> Any:
    body = {"flow_runs": {"id": {"any_": [run.id for run in which]}}}
    return which[0].application.post("/flow_runs/lateness", body).json()


def test_runs_that_are_on_time_count_for_the_mean(runs: Runs) -> None:
    late = runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(-3))
    early = runs.flow_run("SCHEDULED", state_scheduled_time=runs.now(60))
    done = runs.flow_run("COMPLETED")

    assert _lateness(late, early, done) == 1.0
    runs.clock.advance(1.5)
    assert _lateness(late, early, done) == 1.5


def test_no_runs_have_no_lateness(application: Application) -> None:
    body: dict[str, Any] = {"flow_runs": {"id": {"any_": []}}}

    assert application.post("/flow_runs/lateness", body).json() is None
