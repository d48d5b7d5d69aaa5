"""Runs to try rules on, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ephemeral_server.settings import Settings
from tests.application import Application
from tests.databases import fresh_database_url
from tests.leaks import LeakGuard
from tests.orchestration.runs import Runs


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def runs(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    leak_guard: LeakGuard,
) -> Iterator[Runs]:
    """One application for all tests of a module; each test makes runs of its own."""
