"""Processes that die while they run a flow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from ephemeral_server import EphemeralServer
from tests.client.history import History
from tests.client.traffic import PATIENCE, Traffic

ROOT = Path(__file__).parents[2]


def kill_midway(server: EphemeralServer, traffic: Traffic, with_signal: int) -> None:
    """Let a process run the flow of `killed`, and kill it when its second task is running."""
    command = [sys.executable, "-m", "tests.client.killed"]
    environment = {**os.environ, **server.env, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            traffic.wait_for_event("prefect.task-run.Running", 2)
            process.send_signal(with_signal)
            assert process.wait(PATIENCE) == -with_signal
        finally:
            process.kill()


def test_what_a_killed_process_told_is_kept_and_its_run_can_be_ended(
    server: EphemeralServer, history: History, traffic: Traffic
) -> None:
    kill_midway(server, traffic, signal.SIGKILL)
    run = history.flow_run()
    # Nobody was left to tell of the end.
    assert history.state_names(run) == ["Pending", "Running"]
    assert run.end_time is None
    assert history.state_names(history.task_run("done")) == ["Pending", "Running", "Completed"]
    assert history.state_names(history.task_run("never_done")) == ["Pending", "Running"]

    crashed: Any = Crashed(message="The process is gone.")
    answer = history.client.set_flow_run_state(run.id, crashed, force=True)

    assert answer.status.value == "ACCEPT"
    run = history.flow_run()
    assert run.state is not None
    assert history.state_names(run) == ["Pending", "Running", "Crashed"]
    assert (run.state.type, run.state.message) == (StateType.CRASHED, "The process is gone.")
    assert run.end_time == run.state.timestamp
    assert run.start_time is not None
    assert run.total_run_time == run.end_time - run.start_time
    assert history.task_run("never_done").state_name == "Running"


def test_a_terminated_process_tells_of_its_end(
    server: EphemeralServer, history: History, traffic: Traffic
) -> None:
    kill_midway(server, traffic, signal.SIGTERM)
    run = history.flow_run()
    for crashed in (run, history.task_run("never_done")):
        assert history.state_names(crashed) == ["Pending", "Running", "Crashed"]
        assert crashed.state is not None
        assert crashed.state.message == "Execution was aborted by a termination signal."
    assert history.task_run("done").state_name == "Completed"
