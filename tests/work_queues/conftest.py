"""What the tests of work queues share."""

from __future__ import annotations

from tests.application import application

__all__ = ["application"]
