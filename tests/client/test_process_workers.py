"""A worker that runs flows in processes of their own, from a folder that holds their source."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Cancelling
from prefect.workers.process import ProcessWorker

from tests.client.deploying import start
from tests.client.history import History
from tests.client.outside import meanwhile
from tests.client.polling import eventually

FOLDER = Path(__file__).parent

#: Seconds that a process may take until its flow runs: the client starts Python several times.
START = 60.0

pytestmark = pytest.mark.timeout(150)


def deploy(flow_name: str, **options: Any) -> UUID:
    """Deploy a flow of `deployed` from its folder."""
    source: Any = flow.from_source(str(FOLDER), f"deployed.py:{flow_name}")
    made = source.deploy("local", work_pool_name="processes", print_next_steps=False, **options)
    assert isinstance(made, UUID)
    return made


def test_runs_get_processes_of_their_own_and_one_that_is_cancelled_is_ended(
    history: History,
) -> None:
    client = history.client
    client.create_work_pool(WorkPoolCreate(name="processes", type="process"))
    variables = {"env": {"VARIABLE": "set"}}
    made = deploy("reports", job_variables=variables, tags=["there"])
    short, endless = start(made, parameters={"name": "bob"}), start(deploy("never_ends"))

    def cancel() -> None:
        eventually(lambda: client.read_flow_run(endless.id).state_name == "Running", START)
        client.set_flow_run_state(endless.id, Cancelling())

    # Cancelling is noticed when the worker asks next, ten seconds after the start of the process.
    worker = ProcessWorker("processes", name="worker")
    with meanwhile(cancel):
        asyncio.run(worker.start(run_once=True))

    short, endless = (client.read_flow_run(run.id) for run in (short, endless))
    assert short.state is not None
    report = short.state.result()
    assert report == {
        "name": "bob",
        "pid": int(str(short.infrastructure_pid)),
        "folder": str(FOLDER),
        "variable": "set",
        "tags": ["there"],
    }
    assert report["pid"] != os.getpid()
    names = history.state_names(endless)
    assert names == ["Scheduled", "Pending", "Submitting", "Running", "Cancelling", "Cancelled"]
