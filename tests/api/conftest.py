"""What the tests of routes share."""

from __future__ import annotations

from tests.application import application
from tests.orchestration.conftest import runs

__all__ = ["application", "runs"]
