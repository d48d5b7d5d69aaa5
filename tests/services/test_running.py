"""Where services run, and how one runs them by hand."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from fastapi import FastAPI

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.application import build_app
from ephemeral_server.clock import SECOND, isoformat, micros
from ephemeral_server.embed.process import ProcessBackend
from ephemeral_server.embed.reports import ChildFailure
from ephemeral_server.errors import (
    NotRunningError,
    ServiceError,
    UnknownServiceError,
    WrongLoopError,
)
from ephemeral_server.events.model import Event
from ephemeral_server.runtime import Runtime
from ephemeral_server.services.late_runs import LateRuns
from ephemeral_server.services.registry import SERVICES, find_service
from ephemeral_server.settings import Settings
from tests import web
from tests.embed.programs import run_program
from tests.embed.support import application

MODES = pytest.mark.parametrize("mode", ["thread", "process"])
Mode = Literal["thread", "process"]


def make_overdue(api_url: str) -> str:
    """A flow run that should have begun a minute ago; where it is."""
    flow = web.post(f"{api_url}/flows/", json={"name": "overdue"}).json()
    at = isoformat(micros(datetime.now(timezone.utc)) - 60 * SECOND)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
    run = web.post(f"{api_url}/flow_runs/", json={"flow_id": flow["id"], "state": state}).json()
    return f"{api_url}/flow_runs/{run['id']}"


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ({}, True),
        ({"ephemeral": True}, False),
        ({"ephemeral": True, "services": True}, True),
        ({"services": False}, False),
    ],
)
def test_services_run_in_lasting_servers_unless_one_says_otherwise(
    given: dict[str, Any], runs: bool
) -> None:
    assert Settings.load({}, **given).runs_services is runs


def test_a_lasting_server_runs_them(database_url: str) -> None:
    settings = Settings(
        database_url=database_url, late_runs_seconds=0.01, late_runs_after_seconds=0.0
    )

    async def main() -> None:
        app = build_app(settings)
        async with app.router.lifespan_context(app):
            runtime: Runtime = app.state.runtime
            watcher = Watcher("prefect.flow-run.Late")
            runtime.bus.subscribe(watcher)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost/api"
            ) as api:
                flow = (await api.post("/flows/", json={"name": "f"})).json()
                body = {"flow_id": flow["id"], "state": {"type": "SCHEDULED"}}
                run = (await api.post("/flow_runs/", json=body)).json()
                await asyncio.wait_for(watcher.seen.wait(), 20)
                state = (await api.get(f"/flow_runs/{run['id']}")).json()["state"]
            assert state["name"] == "Late"

    asyncio.run(main())


class Watcher:
    """Tells when an event was published."""

    full = False

    def __init__(self, event: str) -> None:
        self.seen = asyncio.Event()
        self._event = event

    def offer(self, events: list[Event]) -> None:
        if any(event.event == self._event for event in events):
            self.seen.set()

    async def room(self) -> None:
        """There always is."""


def test_an_ephemeral_server_does_not_even_load_them() -> None:
    lines, _ = run_program(
        """
        import sys
        from ephemeral_server import ephemeral

        def loaded():
            return [name for name in sys.modules if name.startswith("ephemeral_server.services.")]

        with ephemeral(activate=False) as server:
            print(server, loaded())
        with ephemeral(activate=False, services=True) as server:
            print(server, "ephemeral_server.services.loop" in loaded())
        """
    )
    assert lines[0].endswith(": API> []")
    assert lines[1].endswith(": API and services> True")


@MODES
def test_a_service_is_run_by_hand(mode: Mode) -> None:
    with ephemeral(mode=mode, activate=False) as server:
        run = make_overdue(server.api_url)
        assert server.run_service("late-runs") == LateRuns(late=1)
        assert web.get(run).json()["state"]["name"] == "Late"
        assert server.run_service("late-runs") == LateRuns()
        done = {service.name: server.run_service(service.name) for service in SERVICES}
        assert len({type(did) for did in done.values()}) == len(SERVICES)


@MODES
def test_many_threads_may_do_that_at_once(mode: Mode) -> None:
    results: list[Any] = []
    with ephemeral(mode=mode, activate=False) as server:
        make_overdue(server.api_url)
        threads = [
            threading.Thread(target=lambda: results.append(server.run_service("late-runs")))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(did.late for did in results) == 1
    assert len(results) == 8


@MODES
def test_where_a_loop_runs_it_can_be_awaited_or_waited_for(mode: Mode) -> None:
    async def main() -> None:
        async with ephemeral(mode=mode, activate=False) as server:
            assert await server.arun_service("late-runs") == LateRuns()
            assert server.run_service("late-runs") == LateRuns()

    asyncio.run(main())


@MODES
def test_an_unknown_name_is_told_with_those_there_are(mode: Mode) -> None:
    with (
        ephemeral(mode=mode, activate=False) as server,
        pytest.raises(UnknownServiceError, match=r"'late'\. Services are: late-runs, pause-"),
    ):
        server.run_service("late")


def test_the_runtime_runs_one_too(tmp_path: Path) -> None:
    async def main() -> None:
        url = f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"
        app = build_app(Settings(database_url=url, ephemeral=True))
        async with app.router.lifespan_context(app):
            assert await app.state.runtime.run_service("late-runs") == LateRuns()
            with pytest.raises(UnknownServiceError):
                await app.state.runtime.run_service("late")

    asyncio.run(main())


def test_a_server_that_is_not_running_runs_none() -> None:
    server = ephemeral(activate=False)
    with pytest.raises(NotRunningError):
        server.run_service("late-runs")


def test_the_servers_own_loop_cannot_wait_for_it() -> None:
    with ephemeral(activate=False) as server:
        thread = server._running().thread()
        assert thread is not None
        assert thread.loop is not None

        async def ask() -> None:
            server.run_service("late-runs")

        with pytest.raises(WrongLoopError):
            asyncio.run_coroutine_threadsafe(ask(), thread.loop).result(10)


def break_database(server: EphemeralServer) -> None:
    with sqlite3.connect(server.directory / "data.db", timeout=10) as connection:
        connection.execute("DROP TABLE flow_run")
    connection.close()


def test_why_it_failed_is_raised() -> None:
    with ephemeral(activate=False) as server:
        break_database(server)
        with pytest.raises(Exception, match="no such table: flow_run"):
            server.run_service("late-runs")


def test_why_it_failed_in_the_process_is_told_with_the_traceback_from_there() -> None:
    with ephemeral(mode="process", activate=False) as server:
        break_database(server)
        with pytest.raises(ServiceError, match="no such table: flow_run") as caught:
            server.run_service("late-runs")
        assert isinstance(caught.value.__cause__, ChildFailure)
        assert "late_runs.py" in str(caught.value.__cause__)
        assert server.is_running


class Asking(threading.Thread):
    """Runs a service by hand in a thread, and keeps what is raised."""

    def __init__(self, server: EphemeralServer) -> None:
        super().__init__()
        self.raised: BaseException | None = None
        self._server = server
        self.start()

    def run(self) -> None:
        try:
            self._server.run_service("repossessor")
        except BaseException as error:
            self.raised = error


def test_who_waits_when_a_server_ends_is_told() -> None:
    begun = threading.Event()

    class Hanging:
        async def run_service(self, name: str) -> None:
            begun.set()
            await asyncio.Event().wait()

    def build(settings: Settings) -> FastAPI:
        app = application()(settings)
        app.state.runtime = Hanging()
        return app

    settings = Settings.load(ephemeral=True, activate=False)
    with EphemeralServer(settings, build=build) as server:
        asking = Asking(server)
        begun.wait()
    asking.join(20)
    assert isinstance(asking.raised, NotRunningError)


def test_who_waits_when_the_process_of_a_server_dies_is_told() -> None:
    with ephemeral(mode="process", activate=False) as server:
        backend = server._backend()
        assert isinstance(backend, ProcessBackend)
        assert backend.pid is not None
        # Held by somebody else, the file lets no service work.
        lock = sqlite3.connect(server.directory / "data.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        asking = Asking(server)
        while not backend._reports._answers:  # type: ignore[union-attr]
            asking.join(0.001)
        os.kill(backend.pid, signal.SIGKILL)
        asking.join(20)
        lock.close()
    assert isinstance(asking.raised, NotRunningError)


def test_every_service_has_its_module_and_its_period() -> None:
    settings = Settings()
    for service in SERVICES:
        assert find_service(service.name) is service
        assert getattr(settings, service.period) > 0
        assert callable(service.run_once)
