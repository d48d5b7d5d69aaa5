"""Run an awaitable from code that cannot await, while an event loop may be running.

The way out of "asyncio.run() cannot be called from a running event loop": a thread with a
loop of its own, or, for what belongs to the running loop, nest_asyncio on that loop.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from ephemeral_server.embed.thread import run_on_new_loop
from ephemeral_server.errors import WrongLoopError

T = TypeVar("T")

#: Seconds that a cancelled awaitable has to clean up after itself.
_CLEANUP_SECONDS = 5.0


def run_in_thread(awaitable: Awaitable[T], timeout: float | None) -> T:
    """The result of `awaitable`, run on a new loop in a thread with a copy of this context.

    KeyboardInterrupt in the waiting thread cancels it.

    Args:
        awaitable: a coroutine, or an object with ``__await__`` that belongs to no loop yet.
        timeout: seconds it may take.

    Raises:
        TimeoutError: it took longer, and was cancelled.
        WrongLoopError: it is a future of another loop.
    """
    if asyncio.isfuture(awaitable):
        raise WrongLoopError(
            "This awaitable belongs to an event loop already, so it cannot run on another one. "
            "Await it there, or call run(awaitable, nested=True) where that loop runs."
        )
    return _Helper(awaitable).result(timeout)


def run_nested(awaitable: Awaitable[T], timeout: float | None) -> T:
    """The result of `awaitable`, run on the loop that runs in this thread, or on a new one.

    Args:
        awaitable: what to wait for.
        timeout: seconds it may take.

    Raises:
        TimeoutError: it took longer, and was cancelled.
        WrongLoopError: the running loop cannot be nested.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _translate_timeout(lambda: run_on_new_loop(_bounded(awaitable, timeout)))
    import nest_asyncio  # patches asyncio for the whole process, so only for who asks for it

    try:
        nest_asyncio.apply(loop)
    except ValueError as error:
        close_unused(awaitable)
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise WrongLoopError(
            f"The running event loop ({kind}) cannot be nested, only loops of asyncio can. "
            f"Await the awaitable, or leave out nested=True to run it in a helper thread."
        ) from error
    task = loop.create_task(_bounded(awaitable, timeout))
    try:
        return _translate_timeout(lambda: loop.run_until_complete(task))
    except KeyboardInterrupt:
        task.cancel()
        raise


def close_unused(awaitable: object) -> None:
    """Close a coroutine that will not be run, so Python does not warn about it."""
    if inspect.iscoroutine(awaitable):
        awaitable.close()


class _Helper(Generic[T]):
    """A thread that runs one awaitable."""

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable
        self._outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[T]] | None = None
        self._cancelled = False
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._work,), name="ephemeral-server-run", daemon=True
        )

    def result(self, timeout: float | None) -> T:
        try:
            self._thread.start()
            return self._outcome.result(timeout)
        except BaseException as error:
            if self._outcome.done() and not isinstance(error, KeyboardInterrupt):
                raise
            self._cancel()
            if isinstance(error, concurrent.futures.TimeoutError):
                raise TimeoutError(f"The awaitable did not finish within {timeout:g} s.") from None
            raise
        finally:
            # Its loop is closed a moment after the result is known.
            if self._thread.ident is not None:
                self._thread.join(_CLEANUP_SECONDS)

    def _work(self) -> None:
        try:
            self._outcome.set_result(run_on_new_loop(self._main()))
        except BaseException as error:  # SystemExit too: all of it belongs to the caller
            self._outcome.set_exception(error)

    async def _main(self) -> T:
        task: asyncio.Task[Any] | None = asyncio.current_task()
        assert task is not None
        self._running = asyncio.get_running_loop(), task
        if self._cancelled:
            close_unused(self._awaitable)
            raise asyncio.CancelledError
        return await self._awaitable

    def _cancel(self) -> None:
        self._cancelled = True
        if self._running is not None:
            loop, task = self._running
            with contextlib.suppress(RuntimeError):  # closed since
                loop.call_soon_threadsafe(task.cancel)


def _bounded(awaitable: Awaitable[T], timeout: float | None) -> Coroutine[Any, Any, T]:
    async def main() -> T:
        return await asyncio.wait_for(awaitable, timeout)

    return main()


def _translate_timeout(call: Callable[[], T]) -> T:
    """Until Python 3.11 the timeout of asyncio is not the built-in one."""
    try:
        return call()
    except asyncio.TimeoutError as error:
        if isinstance(error, TimeoutError):
            raise
        raise TimeoutError(str(error)) from error
