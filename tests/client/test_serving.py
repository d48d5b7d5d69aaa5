"""A process that serves a flow: it deploys it, and runs what is planned and what is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from ephemeral_server import EphemeralServer
from tests.client.history import History
from tests.client.polling import eventually
from tests.client.traffic import Traffic, one_authority, recorded_server
from tests.embed.support import ROOT

#: Seconds that a process may take to start and to do something.
SLOWLY = 60.0

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def server(traffic: Traffic) -> Iterator[EphemeralServer]:
    """A server that plans runs."""
    with recorded_server(traffic, services=True) as running:
        yield running


@pytest.fixture
def serving(server: EphemeralServer, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves a flow of `deployed`."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": server.api_url,
        "PREFECT_API_SSL_CERT_FILE": str(one_authority()),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    with (tmp_path / "serving.log").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.client.deployed"],
            env=environment,
            stdout=said,
            stderr=said,
        )
    yield process
    process.kill()
    process.wait()


def test_a_served_flow_runs_when_it_is_planned_and_when_it_is_asked_for(
    history: History, serving: subprocess.Popen[bytes]
) -> None:
    client = history.client
    (made,) = eventually(client.read_deployments, SLOWLY)
    asked: Any = run_deployment(
        "reports/served",
        parameters={"name": "bob"},
        poll_interval=0.1,
        timeout=SLOWLY,
        as_subflow=False,
    )
    report = asked.state.result()
    assert (report["name"], report["tags"]) == ("bob", ["served"])

    def planned_and_ended() -> list[FlowRun]:
        ended = (run for run in client.read_flow_runs() if run.state and run.state.is_final())
        return [run for run in ended if run.auto_scheduled]

    (planned,) = eventually(planned_and_ended, SLOWLY)
    assert planned.state is not None
    other = planned.state.result()
    assert (other["name"], other["tags"]) == ("nobody", ["auto-scheduled", "served"])
    assert len({report["pid"], other["pid"], serving.pid}) == 3

    serving.send_signal(signal.SIGINT)
    assert serving.wait(SLOWLY) == 0
    assert client.read_deployment(made.id).paused
    assert all(run.state_name == "Completed" for run in history.flow_runs())
