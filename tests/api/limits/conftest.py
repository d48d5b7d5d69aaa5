"""What the tests of limits' routes share."""

from __future__ import annotations

from tests.limits.conftest import limits

__all__ = ["limits"]
