"""What the tests of routes share."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ephemeral_server import EphemeralServer, ephemeral
from tests import web
from tests.application import application
from tests.orchestration.conftest import runs

__all__ = ["application", "runs"]


@pytest.fixture
def apis(server: EphemeralServer, database_url: str) -> Iterator[list[httpx.Client]]:
    """Clients of two servers on one database; of one on SQLite, whose file one process serves."""
    if database_url.startswith("sqlite"):
        with web.client(server.api_url) as api:
            yield [api]
        return
    with (
        ephemeral(database_url=database_url, activate=False) as second,
        web.client(server.api_url) as api,
        web.client(second.api_url) as other,
    ):
        yield [api, other]
