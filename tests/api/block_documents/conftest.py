"""What the tests of block documents share."""

from __future__ import annotations

import pytest

from tests.api.block_documents.documents import Blocks
from tests.application import Application


@pytest.fixture
def blocks(application: Application) -> Blocks:
    """A block type with a schema that has secrets under ``pw``, ``creds.pw`` and ``headers.*``."""
    return Blocks(application, "pw", "creds.pw", "headers.*", capabilities=("write-path",))
