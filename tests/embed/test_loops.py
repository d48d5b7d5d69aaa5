"""A server runs beside any event loop of its process, patched or foreign, and changes none."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest

from ephemeral_server import ephemeral
from tests.embed.support import get, run_script


def test_a_running_loop_may_start_and_end_a_server() -> None:
    async def main() -> object:
        with ephemeral(activate=False) as server:
            return await asyncio.to_thread(get, f"{server.api_url}/health")

    assert asyncio.run(main()) is True


def test_one_server_serves_loop_after_loop() -> None:
    async def main() -> object:
        return await asyncio.to_thread(get, f"{server.api_url}/health")

    with ephemeral(activate=False) as server:
        assert [asyncio.run(main()) for _ in range(3)] == [True] * 3


def test_a_thread_may_start_a_server_and_another_end_it() -> None:
    server = ephemeral(activate=False)
    for work in (server.start, server.shutdown):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(30)
    assert server.started_at is not None
    assert not server.is_running


def test_the_event_loop_policy_and_the_signal_handlers_stay_as_they_were(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        """
        import asyncio, signal
        def present():
            numbers = (signal.SIGINT, signal.SIGTERM)
            return [asyncio.get_event_loop_policy(), *map(signal.getsignal, numbers)]
        before = present()
        from ephemeral_server import ephemeral
        with ephemeral():
            during = present()
        print(before == during == present())
        """,
    )
    assert out == "True\n"


SESSION = """
import asyncio, urllib.request
from ephemeral_server import ephemeral
PATCH_BEFORE
def ask(server):
    return urllib.request.urlopen(server.api_url + "/health", timeout=10).read().decode()

async def cell():
    with ephemeral() as outer:
        PATCH_WITHIN
        print("sync", ask(outer))
        async with ephemeral() as inner:
            print("async", ask(inner))
        print("run", outer.run(answer()))
        print("after", ask(outer))

async def answer():
    await asyncio.sleep(0.01)
    return 42

RUN
with ephemeral() as last:
    print("last", ask(last))
forgotten = ephemeral().start()
print("forgotten", ask(forgotten), forgotten.directory)
"""
RUN_WITH_OWN_LOOP = """
loop = asyncio.new_event_loop()
loop.run_until_complete(cell())
loop.close()
"""
PRINTED = ["sync true", "async true", "run 42", "after true", "last true"]


def session(folder: Path, before: str = "pass", within: str = "pass", run: str = "") -> list[str]:
    """What a program prints that starts servers in a running loop, with asyncio patched.

    It leaves its last server to the end of the interpreter, which must delete the directory.
    """
    source = SESSION.replace("PATCH_BEFORE", before).replace("PATCH_WITHIN", within)
    *said, last = run_script(folder, source.replace("RUN", run or RUN_WITH_OWN_LOOP)).splitlines()
    forgotten, answer, directory = last.split(maxsplit=2)
    assert (forgotten, answer) == ("forgotten", "true")
    assert not Path(directory).exists()
    return said


def test_without_a_patch(tmp_path: Path) -> None:
    assert session(tmp_path, run="asyncio.run(cell())") == PRINTED


@pytest.mark.parametrize("patch", ["nest_asyncio", "nest_asyncio2"])
def test_with_nest_asyncio_applied_before_the_start(tmp_path: Path, patch: str) -> None:
    before = f"import {patch}; {patch}.apply(asyncio.new_event_loop())"
    assert session(tmp_path, before=before) == PRINTED


@pytest.mark.parametrize("patch", ["nest_asyncio", "nest_asyncio2"])
def test_with_nest_asyncio_applied_after_the_start(tmp_path: Path, patch: str) -> None:
    assert session(tmp_path, within=f"import {patch}; {patch}.apply()") == PRINTED


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not exist on Windows")
def test_with_uvloop_as_the_loop_of_the_caller(tmp_path: Path) -> None:
    run = "import uvloop; uvloop.run(cell())"
    assert session(tmp_path, run=run) == PRINTED


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not exist on Windows")
def test_with_the_policy_of_uvloop(tmp_path: Path) -> None:
    before = "import uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())"
    run = "asyncio.run(cell())"
    assert session(tmp_path, before=before, run=run) == PRINTED


def test_answers_come_while_the_main_thread_is_busy() -> None:
    """Python's lock goes round every 5 ms, so an answer takes a few of these rounds."""
    seconds: list[float] = []

    def ask() -> None:
        import time

        for _ in range(20):
            began = time.perf_counter()
            get(f"{server.api_url}/health")
            seconds.append(time.perf_counter() - began)

    with ephemeral(activate=False) as server:
        client = threading.Thread(target=ask)
        client.start()
        while client.is_alive():
            sum(range(10_000))  # pure Python, and no pause
    assert len(seconds) == 20
    assert sorted(seconds)[10] < 1.0
