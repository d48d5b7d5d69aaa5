"""A plugin of pytest that patches asyncio as users do, for tests that run once more under it.

``EMBED_TESTS_PATCH`` says how: ``before NAME`` patches before any server is started, ``after
NAME`` while one runs, which goes on to serve until the last test is over.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.leaks import LeakGuard

VARIABLE = "EMBED_TESTS_PATCH"


@pytest.fixture(scope="session", autouse=True)
def _patched(leak_guard: LeakGuard) -> Iterator[None]:
    when, name = os.environ[VARIABLE].split()
    with leak_guard.adopt():
        living = _living_server() if when == "after" else _no_server()
        living.__enter__()
        _patch(name)
    yield
    living.__exit__(None, None, None)


@contextmanager
def _living_server() -> Iterator[None]:
    """A server that answers when the block ends as it did when it began."""
    from ephemeral_server import ephemeral
    from tests.embed.support import post

    with ephemeral(activate=False) as server:
        assert post(f"{server.api_url}/flows/count", {}) == 0
        yield
        assert post(f"{server.api_url}/flows/count", {}) == 0


@contextmanager
def _no_server() -> Iterator[None]:
    yield


def _patch(name: str) -> None:
    module = importlib.import_module(name)
    if name == "uvloop":
        asyncio.set_event_loop_policy(module.EventLoopPolicy())
    else:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        module.apply(loop)
    # What is made at the first use and stays: a thread of the loop, which a patched `run` leaves
    # open; the pipe by which libuv hears of signals.
    asyncio.run(asyncio.to_thread(int))
