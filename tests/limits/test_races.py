"""Many clients that race for few slots, in processes of their own, at two servers if there can be.

Each client notes from when until when it has a slot: from after it was told so to before it gives
the slot back. So there are never more such times at once than slots, whatever the servers count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select, update

from ephemeral_server import EphemeralServer, ephemeral
from ephemeral_server.database import Transaction
from ephemeral_server.database.tables import concurrency_lease
from tests import web
from tests.databases import write
from tests.limits import contenders

SLOTS = 8
CLIENTS = 64
PROCESSES = 4

LIMITS = "/v2/concurrency_limits"
Interval = list[float]


class Arena:
    """Limits at one or two servers of one database, and those who race for them."""

    def __init__(self, servers: list[EphemeralServer], api: httpx.Client) -> None:
        self.servers, self.api = servers, api

    def limit(self, name: str) -> str:
        """A limit of `SLOTS` slots; its name."""
        body = {"name": f"{name}{uuid4()}", "limit": SLOTS}
        made: str = self.api.post(f"{LIMITS}/", json=body).json()["name"]
        return made

    def taken(self, name: str) -> int:
        """How many slots the limit counts as taken."""
        taken: int = self.api.get(f"{LIMITS}/{name}").json()["active_slots"]
        return taken

    def leases(self) -> int:
        """How many leases there are."""
        count = select(func.count()).select_from(concurrency_lease)
        return write(self._url, lambda tx: tx.connection.execute(count).scalar_one())

    def repossess(self, holder: str) -> None:
        """Let the leases of a holder expire, and let all servers look for such leases at once."""

        def expire(tx: Transaction) -> None:
            own = concurrency_lease.c.holder_id == holder
            tx.connection.execute(update(concurrency_lease).where(own).values(expiration=0))

        write(self._url, expire)
        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(lambda server: server.run_service("repossessor"), self.servers))

    @contextmanager
    def racing(self, *names: str, holder: str, clients: int, rounds: int) -> Iterator[Any]:
        """A process of contenders, see there."""
        ports = [server.port for server in self.servers]
        order = {"ports": ports, "names": names, "clients": clients, "holder": holder}
        with subprocess.Popen(
            [sys.executable, "-I", contenders.__file__, json.dumps({**order, "rounds": rounds})],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def _url(self) -> str:
        return self.servers[0].database_url


@pytest.fixture
def arena(database_url: str) -> Iterator[Arena]:
    # A file of SQLite is served by one process.
    count = 2 if database_url.startswith("postgresql") else 1
    with ExitStack() as stack:
        servers = [
            stack.enter_context(ephemeral(database_url=database_url, activate=False))
            for _ in range(count)
        ]
        yield Arena(servers, stack.enter_context(web.client(servers[0].api_url)))


def most_at_once(intervals: list[Interval]) -> int:
    """How many of the intervals have an instant in common at most."""
    changes = [(start, 1) for start, _ in intervals] + [(end, -1) for _, end in intervals]
    most = count = 0
    for _, change in sorted(changes):
        count += change
        most = max(most, count)
    return most


def test_of_many_clients_no_more_have_a_slot_than_there_are_and_a_killed_one_loses_none(
    arena: Arena,
) -> None:
    limit, living, dead = arena.limit("limit"), str(uuid4()), str(uuid4())
    with ExitStack() as stack:
        racing: list[Any] = [
            stack.enter_context(
                arena.racing(limit, holder=living, clients=CLIENTS // PROCESSES, rounds=1)
            )
            for _ in range(PROCESSES - 1)
        ]
        killed: Any = stack.enter_context(
            arena.racing(limit, holder=dead, clients=CLIENTS // PROCESSES, rounds=0)
        )
        kept = [json.loads(killed.stdout.readline())[0] for _ in range(SLOTS // 2)]
        killed.kill()  # while some of its clients ask for a slot, or are just given one
        killed.wait()
        freed = time.monotonic()
        arena.repossess(dead)
        held = [json.loads(line) for process in racing for line in process.stdout]

    assert len(held) == CLIENTS * (PROCESSES - 1) // PROCESSES
    assert SLOTS // 2 <= most_at_once(held + [[start, freed] for start in kept]) <= SLOTS
    arena.repossess(dead)  # what it was given after it was killed
    assert (arena.taken(limit), arena.leases()) == (0, 0)
    all_of_it = {"names": [limit], "slots": SLOTS}
    assert arena.api.post(f"{LIMITS}/increment", json=all_of_it).status_code == 200


def test_slots_of_tags_that_are_reset_while_they_are_taken_and_given_back_are_counted_right(
    arena: Arena,
) -> None:
    first, second = arena.limit("tag:"), arena.limit("tag:")
    tag = first.removeprefix("tag:")
    with ExitStack() as stack:
        racing: list[Any] = [
            stack.enter_context(
                arena.racing(first, second, holder=str(uuid4()), clients=8, rounds=4)
            )
            for _ in range(2)
        ]
        resets = 0
        while any(process.poll() is None for process in racing):
            answer = arena.api.post(f"/concurrency_limits/tag/{tag}/reset")
            assert answer.status_code == 200, answer.text
            resets += 1
        held = [line for process in racing for line in process.stdout]

    assert resets > 1
    assert len(held) == 2 * 8 * 4
    assert (arena.taken(first), arena.taken(second), arena.leases()) == (0, 0, 0)
