"""Waiting for what comes by and by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.client.traffic import PATIENCE

T = TypeVar("T")


def eventually(find: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """What is found at last, and neither None nor empty.

    Args:
        find: looks for it.
        patience: seconds that it may take.
    """
    deadline = time.monotonic() + patience
    while not (found := find()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found
