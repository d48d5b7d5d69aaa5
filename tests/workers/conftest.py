"""An application, and a work pool of each test with its queue of cleanup messages."""

from __future__ import annotations

import pytest

from tests.application import Application, application
from tests.workers.pools import Pool
from tests.workers.queue import Queue

__all__ = ["application", "pool", "queue"]


@pytest.fixture
def pool(application: Application) -> Pool:
    """A pool that no other test knows."""
    return Pool(application)


@pytest.fixture
def queue(pool: Pool) -> Queue:
    """The cleanup messages of the pool."""
    return Queue(pool)
