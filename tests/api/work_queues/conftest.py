"""What the tests of work queues share."""

from __future__ import annotations

import pytest

from tests.api.work_pools.pools import Pool
from tests.application import Application


@pytest.fixture
def pool(application: Application) -> Pool:
    """A work pool of its own."""
    return Pool(application)
