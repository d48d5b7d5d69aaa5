"""What the tests with nonsense share."""

from __future__ import annotations

from importlib.util import find_spec

from tests.application import application

__all__ = ["application"]

#: schemathesis has no release for Python 3.10.
collect_ignore = [] if find_spec("schemathesis") else ["test_schema.py"]
