"""server.run() waits for an awaitable where no await is possible."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from ephemeral_server import EphemeralServer, Settings, ephemeral
from ephemeral_server.errors import NotRunningError, WrongLoopError
from tests.embed.support import application, get, run_script

colour = contextvars.ContextVar("colour", default="none")


@pytest.fixture(scope="module")
def server() -> Iterator[EphemeralServer]:
    with ephemeral(activate=False) as running:
        yield running


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def fail() -> None:
    raise ZeroDivisionError


async def sleep_for_ever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("nested", [False, True])
class TestWithoutARunningLoop:
    def test_it_returns_the_result(self, server: EphemeralServer, nested: bool) -> None:
        assert server.run(answer(), nested=nested) == 42

    def test_it_raises_the_error(self, server: EphemeralServer, nested: bool) -> None:
        with pytest.raises(ZeroDivisionError):
            server.run(fail(), nested=nested)

    def test_it_gives_up_in_time(self, server: EphemeralServer, nested: bool) -> None:
        with pytest.raises(TimeoutError):
            server.run(sleep_for_ever(), nested=nested, timeout=0.05)

    def test_the_awaitable_sees_the_context(self, server: EphemeralServer, nested: bool) -> None:
        async def see() -> str:
            return colour.get()

        token = colour.set("blue")
        try:
            assert server.run(see(), nested=nested) == "blue"
        finally:
            colour.reset(token)


def test_it_works_where_a_loop_runs(server: EphemeralServer) -> None:
    async def cell() -> int:
        return server.run(answer())

    assert asyncio.run(cell()) == 42


def test_it_runs_in_a_thread_and_on_a_loop_of_its_own(server: EphemeralServer) -> None:
    async def where() -> tuple[int, int]:
        return threading.get_ident(), id(asyncio.get_running_loop())

    async def cell() -> bool:
        mine = await where()
        its = server.run(where())
        return mine[0] != its[0] and mine[1] != its[1]

    assert asyncio.run(cell())


def test_any_awaitable_will_do(server: EphemeralServer) -> None:
    class Answer:
        def __await__(self) -> Generator[None, None, int]:
            yield from asyncio.sleep(0).__await__()
            return 7

    assert server.run(Answer()) == 7


def test_a_cancelled_awaitable_may_clean_up(server: EphemeralServer) -> None:
    cleaned: list[bool] = []

    async def tidy() -> None:
        try:
            await sleep_for_ever()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        server.run(tidy(), timeout=0.05)
    assert cleaned == [True]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one thread")
@pytest.mark.parametrize("nested", [False, True])
def test_keyboard_interrupt_cancels_it(server: EphemeralServer, nested: bool) -> None:
    cleaned: list[bool] = []

    async def interrupted() -> None:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await sleep_for_ever()
        finally:
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        server.run(interrupted(), nested=nested)
    assert cleaned == [True]


def test_a_future_of_another_loop_is_refused(server: EphemeralServer) -> None:
    async def cell() -> None:
        future = asyncio.get_running_loop().create_future()
        with pytest.raises(WrongLoopError, match="nested=True"):
            server.run(future)

    asyncio.run(cell())


def test_what_is_not_awaitable_is_refused(server: EphemeralServer) -> None:
    with pytest.raises(TypeError):
        server.run(42)  # type: ignore[arg-type]


def test_a_server_that_does_not_run_runs_nothing() -> None:
    with pytest.raises(NotRunningError):
        ephemeral().run(answer())


def test_the_own_loop_of_a_server_may_not_wait() -> None:
    errors: list[WrongLoopError] = []

    async def wait() -> None:
        try:
            handle.run(answer())
        except WrongLoopError as error:
            errors.append(error)

    settings = Settings.load(ephemeral=True, activate=False)
    handle = EphemeralServer(settings, build=application(routes={"/wait": wait}))
    with handle:
        get(f"{handle.url}/wait")
    assert "Await the awaitable instead" in str(errors[0])


NESTED = """
import asyncio
from ephemeral_server import ephemeral
from ephemeral_server.errors import WrongLoopError
server = ephemeral().start()

async def cell():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, future.set_result, "of this loop")
    try:
        print(server.run(future, nested=True))
        async def late(): await asyncio.sleep(10)
        try:
            server.run(late(), nested=True, timeout=0.01)
        except TimeoutError:
            print("in time")
    except WrongLoopError as error:
        print(error)
"""


@pytest.mark.parametrize("patch", ["", "nest_asyncio", "nest_asyncio2"])
def test_nested_runs_what_belongs_to_the_running_loop(tmp_path: Path, patch: str) -> None:
    """nest_asyncio patches the process for good, so this happens in another one."""
    apply = f"loop = asyncio.new_event_loop(); import {patch}; {patch}.apply(loop)"
    run = f"\n{apply if patch else 'loop = asyncio.new_event_loop()'}"
    source = NESTED + run + "\nloop.run_until_complete(cell())\nloop.close()\n"
    assert run_script(tmp_path, source).splitlines() == ["of this loop", "in time"]


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not exist on Windows")
def test_nested_says_what_to_do_on_a_loop_that_cannot_be_patched(tmp_path: Path) -> None:
    source = NESTED + "\nimport uvloop\nuvloop.run(cell())\n"
    (said,) = run_script(tmp_path, source).splitlines()
    assert said.startswith("The running event loop (uvloop.Loop) cannot be nested")
    assert "leave out nested=True" in said


def test_nest_asyncio_is_imported_by_nothing_else(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        """
        import sys
        from ephemeral_server import ephemeral
        async def answer(): return 42
        with ephemeral() as server:
            server.run(answer())
            server.run(answer(), nested=True)  # no loop runs here
        print("nest_asyncio" in sys.modules)
        """,
    )
    assert out == "False\n"
