"""Runs to try the rules on."""

from __future__ import annotations

import pytest

from tests.application import Application, application
from tests.orchestration.runs import Runs

__all__ = ["application", "runs"]


@pytest.fixture
def runs(application: Application) -> Runs:
    """Makes the runs of one test, of a flow of its own."""
    return Runs(application)
