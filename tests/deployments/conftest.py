"""What the tests of deployments share."""

from __future__ import annotations

from tests.application import application

__all__ = ["application"]
