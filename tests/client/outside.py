"""What others do to a flow while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Let another thread, with the settings of this one, do `work` while the block runs.

    Raises:
        Exception: what `work` raised, after the end of the block.
    """
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(copy_context().run, work)
        try:
            yield
        finally:
            working.result()
