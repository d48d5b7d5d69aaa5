"""Background tasks: `delay` here, a task worker in another process, the server between them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.futures import PrefectDistributedFuture
from prefect.settings import PREFECT_API_SSL_CERT_FILE, temporary_settings

from ephemeral_server import ephemeral
from ephemeral_server.embed.activation import drain_client
from tests.client.background import double, flaky, hopeless, wait_for
from tests.client.traffic import PATIENCE, one_authority
from tests.embed.support import ROOT, post
from tests.leaks import LeakGuard

Future = PrefectDistributedFuture[Any]


class Site:
    """A server with a file of its own, and a task worker that serves the tasks of `background`.

    Args:
        folder: for the server's data and what the worker prints.
    """

    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite+aiosqlite:///{folder / 'server.db'}"
        self._port = 0
        self._running = ExitStack()
        self._said = folder / "worker.log"
        self.worker: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server, always on the same port, with the client pointed at it."""
        # In a process of its own: what the worker has open there, is not open here.
        server = ephemeral(database_url=self._url, port=self._port, mode="process")
        self._running.enter_context(server)
        self._port = server.port

    def stop(self) -> None:
        """Stop the server."""
        self._running.close()

    def start_worker(self) -> None:
        """Start the worker; return when it is there."""
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        quiet = {"PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"}
        with self._said.open("wb") as said:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "tests.client.background"],
                stdout=said,
                stderr=said,
                env={**os.environ, **quiet, "PYTHONPATH": path},
            )
        deadline = time.monotonic() + PATIENCE
        url = f"http://127.0.0.1:{self._port}/api/task_workers/filter"
        while not post(url, {}):
            assert time.monotonic() < deadline, self._said.read_text()
            time.sleep(0.05)

    def end_worker(self) -> None:
        """End the worker."""
        if self.worker is not None:
            self.worker.kill()
            self.worker.wait()

    def run(self, future: Future) -> TaskRun:
        """The run as the server shows it."""
        with get_client(sync_client=True) as client:
            return client.read_task_run(future.task_run_id)

    def ended(self, future: Future) -> TaskRun:
        """The run once it has ended."""
        deadline = time.monotonic() + PATIENCE
        with get_client(sync_client=True) as client:
            while True:
                run = client.read_task_run(future.task_run_id)
                if run.state is not None and run.state.is_final():
                    return run
                assert time.monotonic() < deadline, f"{run.state}\n{self._said.read_text()}"
                time.sleep(0.02)

    def state_names(self, future: Future) -> list[str | None]:
        """The states that a run has had."""
        with get_client(sync_client=True) as client:
            states = client.read_task_run_states(future.task_run_id)
        return [state.name for state in sorted(states, key=lambda state: state.timestamp)]


@pytest.fixture(scope="module")
def lasting(
    _warm_client: None, tmp_path_factory: pytest.TempPathFactory, leak_guard: LeakGuard
) -> Iterator[Site]:
    """One server and one worker for the whole module: the worker takes seconds to start."""
    site = Site(tmp_path_factory.mktemp("background"))
    authority = str(one_authority())
    with leak_guard.adopt():
        site.start()
    with (
        pytest.MonkeyPatch.context() as environment,
        temporary_settings({PREFECT_API_SSL_CERT_FILE: authority}),
    ):
        environment.setenv("PREFECT_API_SSL_CERT_FILE", authority)  # for the worker
        with leak_guard.adopt():
            site.start_worker()
        yield site
        site.end_worker()
    site.stop()


@pytest.fixture
def site(lasting: Site, leak_guard: LeakGuard) -> Iterator[Site]:
    """The same; the client of this process ends what it started in the test."""
    yield lasting
    drain_client(PATIENCE)
    leak_guard.accept("AnyIO worker thread")
    gc.collect()  # what the client left is this test's, not the next one's


def result(run: TaskRun) -> Any:
    """What the run returned, as the client reads it."""
    assert run.state is not None
    return run.state.result()


def test_a_delayed_task_is_run_by_the_worker_and_its_result_can_be_read(site: Site) -> None:
    future: Future = double.delay(21)
    run = site.ended(future)
    assert (run.flow_run_id, run.run_count, result(run)) == (None, 1, 42)
    assert site.state_names(future) == ["Scheduled", "Pending", "Running", "Completed"]


def test_delayed_tasks_wait_while_the_worker_is_busy(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "go"
    waiting: list[Future] = [wait_for.delay(str(file)) for _ in range(2)]
    behind: list[Future] = [double.delay(number) for number in range(4)]
    assert site.run(behind[-1]).state_type is StateType.SCHEDULED
    file.touch()
    assert site.worker is not None
    assert [result(site.ended(future)) for future in waiting] == [site.worker.pid] * 2
    assert [result(site.ended(future)) for future in behind] == [0, 2, 4, 6]


def test_a_background_task_is_retried_by_its_worker(site: Site, tmp_path: Path) -> None:
    future: Future = flaky.delay(str(tmp_path))
    run = site.ended(future)
    assert (run.run_count, result(run)) == (3, 3)
    assert site.state_names(future) == [
        "Scheduled",
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_background_task_that_fails_is_told_so(site: Site) -> None:
    future: Future = hopeless.delay()
    run = site.ended(future)
    assert run.state is not None
    assert (run.state.type, site.state_names(future)[-1]) == (StateType.FAILED, "Failed")


def test_a_worker_comes_back_to_a_server_that_was_restarted_and_gets_the_rest(
    site: Site, tmp_path: Path, leak_guard: LeakGuard
) -> None:
    file = tmp_path / "go"
    futures: list[Future] = [wait_for.delay(str(file)) for _ in range(2)]
    futures += [double.delay(number) for number in range(5)]
    site.stop()
    with leak_guard.adopt():
        site.start()
    futures += [double.delay(number) for number in range(5, 7)]
    file.touch()
    for future in futures:
        assert site.ended(future).state_type is StateType.COMPLETED
        names = site.state_names(future)
        assert names == ["Scheduled", "Pending", "Running", "Completed"]
    assert [result(site.run(future)) for future in futures[2:]] == [0, 2, 4, 6, 8, 10, 12]
