"""The task workers that are connected to this process."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ephemeral_server.clock import Clock


class Worker:
    """One connection of a task worker.

    Args:
        client_id: what the worker calls itself, on each of its connections.
        keys: of the tasks whose runs it takes.

    Attributes:
        silent_since: when it was sent what it has not answered yet, microseconds since 1970 UTC.
    """

    __slots__ = ("client_id", "keys", "silent_since", "woken")

    def __init__(self, client_id: str, keys: Sequence[str]) -> None:
        self.client_id = client_id
        self.keys = tuple(dict.fromkeys(keys))
        self.silent_since: int | None = None
        self.woken: asyncio.Future[None] | None = None


@dataclass(slots=True)
class Presence:
    """A task worker over all of its connections.

    Attributes:
        keys: of the tasks that it serves.
        seen: when it was last known to be there, microseconds since 1970 UTC.
    """

    client_id: str
    keys: list[str]
    seen: int


class TaskWorkers:
    """Who is connected to this process, and who of them waits for a run.

    Where several processes serve one database, each knows its own workers alone: a connection
    is a matter of the process that holds it. The runs they wait for are shared (`store`).

    Args:
        clock: says when a worker was seen.

    Attributes:
        is_new: whether no worker has ever connected.
    """

    def __init__(self, clock: Clock) -> None:
        self.is_new = True
        self._clock = clock
        self._workers: dict[Worker, None] = {}
        self._waiting: dict[str, dict[Worker, None]] = {}

    def connect(self, client_id: str, keys: Sequence[str]) -> Worker:
        """A worker is there, until `disconnect`."""
        self.is_new = False
        worker = Worker(client_id, keys)
        self._workers[worker] = None
        return worker

    def disconnect(self, worker: Worker) -> None:
        """The worker's connection has ended."""
        del self._workers[worker]
        self.pass_on(worker)

    def present(self, keys: Collection[str] = ()) -> list[Presence]:
        """The workers that serve one of `keys`, or all if there are none, the oldest first."""
        now = self._clock.now()
        found: dict[str, Presence] = {}
        for worker in self._workers:
            seen = now if worker.silent_since is None else worker.silent_since
            known = found.setdefault(worker.client_id, Presence(worker.client_id, [], seen))
            known.keys += [key for key in worker.keys if key not in known.keys]
            known.seen = max(known.seen, seen)
        wanted = set(keys)
        return [each for each in found.values() if not wanted or wanted.intersection(each.keys)]

    def wait(self, worker: Worker) -> asyncio.Future[None]:
        """Done as soon as there may be a run for `worker`; it stands last in the queue again."""
        self._forget(worker)
        worker.woken = asyncio.get_running_loop().create_future()
        for key in worker.keys:
            self._waiting.setdefault(key, {})[worker] = None
        return worker.woken

    def wake(self, key: str) -> None:
        """There is a run of this task: wake who waits for one the longest."""
        worker = next(iter(self._waiting.get(key, ())), None)
        if worker is not None:
            self._forget(worker)

    def pass_on(self, worker: Worker) -> None:
        """`worker` waits no more, and who else takes runs of its tasks is woken.

        There may be more than the one run that it got, or was woken for and did not take.
        """
        self._forget(worker)
        for key in worker.keys:
            self.wake(key)

    def _forget(self, worker: Worker) -> None:
        """End the waiting of `worker`, if it waits."""
        if worker.woken is None:
            return
        for key in worker.keys:
            waiting = self._waiting[key]
            del waiting[worker]
            if not waiting:
                del self._waiting[key]
        if not worker.woken.done():
            worker.woken.set_result(None)
        worker.woken = None
