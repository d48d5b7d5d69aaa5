"""What the tests of limits share."""

from __future__ import annotations

import pytest

from tests.application import Application, application
from tests.limits.limits import Limits

__all__ = ["application", "limits"]


@pytest.fixture
def limits(application: Application) -> Limits:
    """Makes limits and looks at them."""
    return Limits(application)
