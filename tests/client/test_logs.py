"""What flows and tasks log, and where it is found."""

from __future__ import annotations

import logging

import pytest
from prefect import flow, get_run_logger, task

from tests.client.flows import two_ways
from tests.client.history import History


def test_the_log_tells_what_flow_and_tasks_did(history: History) -> None:
    two_ways(2)
    run = history.flow_run()
    submitted, called = history.task_runs()
    log = history.logs(run.id)
    assert [entry.message for entry in log] == [
        f"Beginning flow run {run.name!r} for flow 'two-ways'",
        "Finished in state Completed()",
        "Finished in state Completed()",
        "Finished in state Completed()",
    ]
    assert [entry.task_run_id for entry in log] == [None, submitted.id, called.id, None]
    assert {entry.level for entry in log} == {logging.INFO}
    assert [entry.name for entry in log] == [
        "prefect.flow_runs",
        "prefect.task_runs",
        "prefect.task_runs",
        "prefect.flow_runs",
    ]


def test_what_a_flow_logs_is_kept_with_its_level_and_text(history: History) -> None:
    @flow
    def talkative() -> None:
        logger = get_run_logger()
        logger.debug("quiet")
        logger.warning("Grüße aus Zürich: %s", "☃ 🎉")
        logger.error("two\nlines")

    with_debug = logging.getLogger("prefect.flow_runs").isEnabledFor(logging.DEBUG)
    talkative()
    said = [(entry.level, entry.message) for entry in history.logs(history.flow_run().id)][1:-1]
    assert said == [
        *([(logging.DEBUG, "quiet")] if with_debug else []),
        (logging.WARNING, "Grüße aus Zürich: ☃ 🎉"),
        (logging.ERROR, "two\nlines"),
    ]


def test_what_a_task_prints_is_in_its_log(history: History) -> None:
    @task(log_prints=True)
    def prints() -> None:
        print("said aloud")  # noqa: T201

    @flow
    def talkative() -> None:
        prints()

    talkative()
    (entry,) = (log for log in history.logs(history.flow_run().id) if log.message == "said aloud")
    assert (entry.level, entry.name) == (logging.INFO, "prefect.task_runs")
    assert entry.task_run_id == history.task_run("prints").id


def test_a_subflow_has_a_log_of_its_own(history: History) -> None:
    @flow(name="child")
    def child() -> None:
        get_run_logger().info("from below")

    @flow(name="parent")
    def parent() -> None:
        child()

    parent()
    outer, inner = history.flow_runs()
    assert history.messages(inner) == [
        f"Beginning subflow run {inner.name!r} for flow 'child'",
        "from below",
        "Finished in state Completed()",
    ]
    assert history.messages(outer) == [
        f"Beginning flow run {outer.name!r} for flow 'parent'",
        "Finished in state Completed()",
    ]


def test_many_lines_from_many_threads_all_arrive(history: History) -> None:
    @task
    def counts(kind: str) -> None:
        for n in range(200):
            get_run_logger().info("%s %s", kind, n)

    @flow
    def busy() -> None:
        counts.map(["a", "b", "c"]).wait()

    busy()
    run = history.flow_run()
    for task_run in history.task_runs(run):
        said = history.messages(run, task_run)
        kind = said[0].split()[0]
        assert said == [*(f"{kind} {n}" for n in range(200)), "Finished in state Completed()"]


def test_the_traceback_of_an_error_is_logged_where_it_happened(history: History) -> None:
    @task
    def refuse() -> None:
        raise ValueError("no")

    @flow
    def failing() -> None:
        refuse()

    with pytest.raises(ValueError, match="no"):
        failing()
    run, task_run = history.flow_run(), history.task_run("refuse")
    first, last = (log for log in history.logs(run.id) if log.task_run_id == task_run.id)
    assert first.message.startswith("Task run failed with exception: ValueError('no')")
    assert "Traceback (most recent call last)" in first.message
    assert last.message == (
        "Finished in state Failed('Task run encountered an exception ValueError: no')"
    )
    assert {first.level, last.level} == {logging.ERROR}
