"""An application, and what waits in its queue."""

from __future__ import annotations

import pytest

from tests.application import Application, application
from tests.task_workers.queue import Queue

__all__ = ["application", "queue"]


@pytest.fixture
def queue(application: Application) -> Queue:
    """Deferred runs of tasks that no other test knows."""
    return Queue(application)
