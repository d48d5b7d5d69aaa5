"""A server that the real client of this process is pointed at, and what it recorded."""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ephemeral_server import EphemeralServer
    from tests.client.history import History
    from tests.client.traffic import Traffic
    from tests.leaks import LeakGuard

#: Loggers that a flow under test may complain to.
_RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")

#: The client says this whenever it is asked to deliver what it holds, and then delivers it.
_STILL_SENDING = "Still processing items"

#: What the client says, and lets its event loop say, when it cannot follow events as they happen
#: and asks for them from time to time instead.
_NOT_LIVE = re.compile(
    r"prefect\.FlowRun(Cancelling|Suspending)Observer: .*connect to the events stream"
    r"|asyncio: Exception in callback FlowRun(Cancelling|Suspending)Observer"
)

#: What the client logs of a slot that it does not get, and raises too.
_NO_SLOT = re.compile(
    r"prefect._internal.concurrency: Service 'ConcurrencySlotAcquisition.* failed"
)

#: Threads that the client's lasting event loops start as they need them and end when they idle.
_HELPERS_OF_CLIENT = "AnyIO worker thread"

#: The client leaves connections of loops that have ended to the garbage collector.
_LEFT_BY_CLIENT = (
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning",
    "ignore:unclosed .*raddr=:ResourceWarning",
    "ignore:unclosed transport:ResourceWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the client's own carelessness pass, in this folder only."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for warning in _LEFT_BY_CLIENT:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def _warm_client(leak_guard: LeakGuard) -> None:
    """Let the client start what it keeps until the process ends: threads, and its log handlers."""
    from prefect import flow

    from ephemeral_server import ephemeral

    @flow
    def nothing() -> None:
        pass

    with leak_guard.adopt(), ephemeral():
        nothing()


@pytest.fixture
def traffic(
    _warm_client: None,
    leak_guard: LeakGuard,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Traffic]:
    """The traffic of `server`; a test in which anything went wrong on the way fails."""
    from tests.client.traffic import Traffic

    caplog.set_level(logging.WARNING)
    traffic = Traffic()
    gc.freeze()  # the collection below then looks at nothing older than this test
    yield traffic
    leak_guard.accept(_HELPERS_OF_CLIENT)
    gc.collect()  # what the client left is this test's, not the next one's
    assert [str(exchange) for exchange in traffic.refused()] == []
    complaints = [
        f"{record.name}: {record.getMessage()}"
        for record in caplog.get_records("call")
        if record.levelno >= logging.WARNING
        and not record.name.startswith(_RUN_LOGGERS)
        and _STILL_SENDING not in record.getMessage()
    ]
    excused = [each for each in complaints if _NOT_LIVE.match(each) or _NO_SLOT.match(each)]
    assert [complaint for complaint in complaints if complaint not in excused] == []
    assert "Error logging to API" not in capfd.readouterr().err


@pytest.fixture
def server(traffic: Traffic) -> Iterator[EphemeralServer]:
    """A running server that the client of this process is pointed at."""
    from tests.client.traffic import recorded_server

    with recorded_server(traffic) as running:
        yield running


@pytest.fixture
def history(server: EphemeralServer, traffic: Traffic) -> Iterator[History]:
    """Reads back what `server` recorded."""
    from tests.client.history import History

    history = History(traffic)
    yield history
    history.close()
