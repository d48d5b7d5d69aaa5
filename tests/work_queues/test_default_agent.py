"""The pool of the queues that clients know without a pool."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.work_queues import default_agent
from tests.application import Application


def queues(application: Application) -> dict[str, Any]:
    """The priorities of the pool's queues by their names."""

    def read(connection: Connection) -> dict[str, Any]:
        query = (
            select(work_queue.c.name, work_queue.c.priority)
            .join(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
            .where(work_pool.c.name == default_agent.NAME)
        )
        return {row.name: row.priority for row in connection.execute(query)}

    return application.read(read)


def without_pool(application: Application) -> None:
    def work(tx: Transaction) -> None:
        tx.connection.execute(delete(work_pool).where(work_pool.c.name == default_agent.NAME))

    application.write(work)


def test_it_is_made_when_it_is_first_needed(application: Application) -> None:
    without_pool(application)
    assert application.read(default_agent.find_default_pool) is None

    id = application.write(default_agent.default_agent_queue, "a")

    assert application.write(default_agent.default_agent_queue, "a") == id
    assert queues(application) == {"a": 1, "default": 2}


def test_a_new_queue_is_the_most_urgent(application: Application) -> None:
    without_pool(application)
    for name in ("a", "b"):
        application.write(default_agent.default_agent_queue, name)
    assert queues(application) == {"b": 1, "a": 2, "default": 3}


def test_its_default_queue_is_made_with_it(application: Application) -> None:
    without_pool(application)
    id = application.write(default_agent.default_agent_queue, "default")
    assert queues(application) == {"default": 1}
    assert application.write(default_agent.default_agent_queue, "default") == id
