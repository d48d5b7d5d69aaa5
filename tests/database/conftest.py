"""What the tests of query plans share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ephemeral_server.settings import Settings
from tests.application import Application
from tests.leaks import LeakGuard


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, leak_guard: LeakGuard) -> Iterator[Application]:
    """An application on an empty SQLite database."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('empty') / 'server.db'}"
    with leak_guard.adopt():
        application = Application(Settings(database_url=url, ephemeral=True))
        with application.running():
            yield application
