"""What all tests share: a clean environment, leak checks, databases, a running server."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.leaks import LeakGuard

if TYPE_CHECKING:
    import httpx

    from ephemeral_server import EphemeralServer
    from tests.databases import PostgresServer

#: Where ephemeral servers of this session and of its children make their directories. Not the
#: common place, where servers of other processes come and go.
_BASE = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Make an environment that is the same on every machine, before any test is imported."""
    base = Path(tempfile.mkdtemp(prefix="tests-"))
    config.stash[_BASE] = base / "servers"
    config.stash[_BASE].mkdir(mode=0o700)
    environment = pytest.MonkeyPatch()
    for name in list(os.environ):
        # The one that is no setting names the command that tests/command_line runs.
        if name.startswith(("PREFECT_", "EPHEMERAL_SERVER_")) and name != "PREFECT_COMMAND":
            environment.delenv(name)
    environment.setenv("EPHEMERAL_SERVER_TEMP_DIRECTORY", str(config.stash[_BASE]))
    environment.setenv("PREFECT_HOME", str(base / "prefect"))
    environment.setenv("DO_NOT_TRACK", "1")
    # A shell ignores it for what it runs in the background, and children inherit that.
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)

    def restore() -> None:
        signal.signal(signal.SIGINT, interrupt)
        environment.undo()
        shutil.rmtree(base)

    config.add_cleanup(restore)


def pytest_collection_finish() -> None:
    """Spare the garbage collector the tests themselves: a million objects that stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def leak_guard(request: pytest.FixtureRequest) -> LeakGuard:
    """Fixtures that outlive a test start what they own within its `adopt()`."""
    return LeakGuard(request.config.stash[_BASE])


@pytest.fixture(autouse=True)
def _leaves_nothing(leak_guard: LeakGuard) -> Iterator[None]:
    """Fail a test that leaves a thread, a descriptor, a process or a directory behind."""
    leak_guard.remember()
    yield
    leaked = leak_guard.leaked()
    if leaked:
        lines = "\n".join(f"  {resource}" for resource in leaked)
        pytest.fail(f"This test left behind:\n{lines}", pytrace=False)


@pytest.fixture(scope="session")
def prefect_client_started(leak_guard: LeakGuard) -> None:
    """For tests that run flows in this process: the Prefect client has started what it keeps.

    It holds on to two event loops with their threads for the life of the process. Everything
    else of it must be gone after each test.
    """
    from prefect import flow

    from ephemeral_server import ephemeral

    @flow
    def first() -> None:
        pass

    with leak_guard.adopt(), ephemeral():
        first()


@pytest.fixture(scope="session")
def postgres(leak_guard: LeakGuard) -> Iterator[PostgresServer]:
    """A PostgreSQL server, started when the first test asks for it."""
    from tests.databases import postgres_server

    context = postgres_server()
    with leak_guard.adopt():
        server = context.__enter__()
    yield server
    context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def _postgres_template(postgres: PostgresServer) -> str:
    """A database that holds our tables and nothing else: copied, not made, for each test."""
    from ephemeral_server import ephemeral

    name = postgres.create_database()
    with ephemeral(database_url=postgres.url(name), activate=False):
        pass
    return name


@contextmanager
def _database(postgres: PostgresServer, template: str | None) -> Iterator[str]:
    name = postgres.create_database(template)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database of the test's own, without any table."""
    with _database(postgres, None) as url:
        yield url


@pytest.fixture
def postgres_url(postgres: PostgresServer, _postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own, with our tables, empty."""
    with _database(postgres, _postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'server.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def server(database_url: str) -> Iterator[EphemeralServer]:
    """A running server that the Prefect client of this process is not pointed at."""
    from ephemeral_server import ephemeral

    with ephemeral(database_url=database_url, activate=False) as running:
        yield running


@pytest.fixture
def api(server: EphemeralServer) -> Iterator[httpx.Client]:
    """An HTTP client whose paths begin after ``/api``."""
    from tests import web

    with web.client(server.api_url) as client:
        yield client
