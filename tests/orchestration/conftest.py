"""Runs to try the rules on."""

from __future__ import annotations

import pytest

from tests.application import Application, application
from tests.orchestration.runs import Runs
from tests.orchestration.slots import Slots

__all__ = ["application", "runs", "slots"]


@pytest.fixture
def runs(application: Application) -> Runs:
    """Makes the runs of one test, of a flow of its own."""
    return Runs(application)


@pytest.fixture
def slots(runs: Runs) -> Slots:
    """Makes limits, and tells who has their slots."""
    return Slots(runs)
