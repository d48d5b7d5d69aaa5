"""What pages ask about task runs."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.ui_api.task_run_routes import UITaskRun
from tests.api.shapes import assert_shape
from tests.application import Application
from tests.orchestration.runs import TYPES, Runs

MINUTE = 60 * SECOND
#: A moment at the start of a minute.
NOON = 1_770_000_000 * SECOND // MINUTE * MINUTE


@pytest.fixture
def tag() -> str:
    """Marks the task runs of one test."""
    return f"tag-{uuid4()}"


def test_runs_are_counted_by_the_type_of_their_state(runs: Runs, tag: str) -> None:
    for type in TYPES:
        runs.task_run(type, tags=[tag])
    runs.task_run("FAILED", "Odd", tags=[tag])
    runs.stateless_task_run(tags=f'["{tag}"]')

    reply = runs.application.post("/ui/task_runs/count", {"task_runs": {"tags": {"all_": [tag]}}})

    assert reply.json() == {**dict.fromkeys(TYPES, 1), "FAILED": 2}


def test_types_without_runs_count_zero(application: Application, tag: str) -> None:
    body = {"task_runs": {"tags": {"all_": [tag]}}}

    assert application.post("/ui/task_runs/count", body).json() == dict.fromkeys(TYPES, 0)


def test_without_a_body_all_runs_are_counted(runs: Runs) -> None:
    before = runs.application.post("/ui/task_runs/count").json()["PAUSED"]
    runs.task_run("PAUSED")

    assert runs.application.post("/ui/task_runs/count").json()["PAUSED"] == before + 1


class Chart:
    """The dashboard's counts of the task runs that a test makes."""

    def __init__(self, runs: Runs, tag: str) -> None:
        self._runs, self._tag = runs, tag

    def add(self, at: int, type: str = "COMPLETED") -> None:
        """A run that began at an instant."""
        self._runs.stateless_task_run(tags=f'["{self._tag}"]', state_type=type, start_time=at)

    def read(self, after: int, before: int | None = None, **criteria: Any) -> list[Any]:
        """The columns as pairs: completed, failed."""
        started = {"after_": isoformat(after)}
        if before is not None:
            started["before_"] = isoformat(before)
        own = {"tags": {"all_": [self._tag]}, "start_time": started, **criteria}
        reply = self._runs.application.post("/ui/task_runs/dashboard/counts", {"task_runs": own})
        assert reply.status_code == 200, reply.text
        return [(each["completed"], each["failed"]) for each in reply.json()]


@pytest.fixture
def chart(runs: Runs, tag: str) -> Chart:
    return Chart(runs, tag)


def _columns(**counts: tuple[int, int]) -> list[tuple[int, int]]:
    columns = [(0, 0)] * 20
    for place, pair in counts.items():
        columns[int(place.removeprefix("at"))] = pair
    return columns


def test_time_from_the_first_to_the_last_minute_is_cut_into_twenty(chart: Chart) -> None:
    # The last minute is that of `before_`, so these are 20 minutes.
    for at in (0, MINUTE - 1, MINUTE, 19 * MINUTE):
        chart.add(NOON + at)

    found = chart.read(NOON, NOON + 19 * MINUTE)

    assert found == _columns(at0=(2, 0), at1=(1, 0), at19=(1, 0))


def test_time_begins_with_the_minute_of_the_first_instant(chart: Chart) -> None:
    chart.add(NOON + 44 * SECOND)

    # One minute, three seconds a column.
    assert chart.read(NOON + 30 * SECOND, NOON + 50 * SECOND) == _columns(at14=(1, 0))


def test_runs_outside_of_the_instants_do_not_count(chart: Chart) -> None:
    for seconds in (29, 51):
        chart.add(NOON + seconds * SECOND)

    assert chart.read(NOON + 30 * SECOND, NOON + 50 * SECOND) == _columns()


def test_failed_and_crashed_runs_are_failures(chart: Chart) -> None:
    for type in TYPES:
        chart.add(NOON, type)

    assert chart.read(NOON, NOON) == _columns(at0=(2, 2))


def test_states_that_are_asked_for_do_not_matter(chart: Chart) -> None:
    chart.add(NOON, "COMPLETED")
    chart.add(NOON, "RUNNING")

    found = chart.read(NOON, NOON, state={"type": {"any_": ["RUNNING"]}})

    assert found == _columns(at0=(1, 0))


def test_time_ends_now_unless_it_is_told_when(runs: Runs, chart: Chart) -> None:
    now = runs.clock.now()
    chart.add(now - 1)

    found = chart.read(now - 2 * SECOND)

    assert (len(found), sum(completed for completed, _ in found)) == (20, 1)


def test_an_end_before_the_start_counts_nothing(chart: Chart) -> None:
    chart.add(NOON)

    assert chart.read(NOON, NOON - 5 * MINUTE) == _columns()


@pytest.mark.parametrize("criteria", [{}, {"start_time": {}}, {"start_time": {"is_null_": False}}])
def test_it_must_be_told_since_when(application: Application, criteria: Any) -> None:
    reply = application.post("/ui/task_runs/dashboard/counts", {"task_runs": criteria})

    assert reply.status_code == 422
    assert reply.json() == {"detail": "task_runs.start_time.after_ is required"}


def test_a_task_run_is_read_with_the_name_of_its_flow_run(runs: Runs) -> None:
    outer = runs.flow_run("RUNNING", name='o"uter')
    inner, alone = runs.task_run(flow_run_id=outer.id), runs.task_run()

    for run, name in ((inner, 'o"uter'), (alone, None)):
        answer = runs.application.get(f"/ui/task_runs/{run.id}").json()
        assert_shape(UITaskRun, answer)
        assert answer == {**run.read(), "flow_run_name": name}


def test_an_unknown_task_run_is_not_found(application: Application) -> None:
    reply = application.get(f"/ui/task_runs/{uuid4()}")

    assert (reply.status_code, reply.json()) == (404, {"detail": "Task not found"})
