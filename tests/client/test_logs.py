"""What flows and tasks log, and where it is found."""

from __future__ import annotations

import logging

from prefect import flow, get_run_logger

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
