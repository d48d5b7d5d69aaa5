"""An application, and a work pool of each test."""

from __future__ import annotations

import pytest

from tests.application import Application, application
from tests.workers.pools import Pool

__all__ = ["application", "pool"]


@pytest.fixture
def pool(application: Application) -> Pool:
    """A pool that no other test knows."""
    return Pool(application)
