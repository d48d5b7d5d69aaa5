"""What the tests of services share."""

from __future__ import annotations

from tests.application import application

__all__ = ["application"]
