"""Deleting work pools."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select

from ephemeral_server.database.tables import deployment, work_queue, worker
from tests.api.work_pools.pools import Pool
from tests.application import Application


def test_a_deleted_pool_is_gone(pool: Pool) -> None:
    assert pool.application.delete(pool.path).status_code == 204

    for reply in (pool.application.get(pool.path), pool.application.delete(pool.path)):
        assert reply.status_code == 404
        assert reply.json() == {"detail": f'Work pool "{pool.name}" not found.'}


def test_its_queues_and_workers_go_with_it(pool: Pool) -> None:
    pool.add_queue("second")
    pool.heartbeat()
    pool.application.delete(pool.path)

    def left(connection: Connection, table: Table) -> int | None:
        mine = table.c.work_pool_id == pool.made["id"]
        return connection.scalar(select(func.count()).where(mine))

    assert [pool.application.read(left, table) for table in (work_queue, worker)] == [0, 0]


def test_its_queues_are_told_by_priority_and_then_the_pool(pool: Pool) -> None:
    pool.add_queue("later")
    pool.add_queue("first", priority=1)
    pool.application.delete(pool.path)

    told = [(event.event, event.resource["prefect.resource.name"]) for event in pool.events()[-4:]]
    assert told == [
        ("prefect.work-queue.deleted", "first"),
        ("prefect.work-queue.deleted", "default"),
        ("prefect.work-queue.deleted", "later"),
        ("prefect.work-pool.deleted", pool.name),
    ]


def test_runs_and_deployments_stay_in_no_queue(pool: Pool) -> None:
    application, queue_id = pool.application, pool.made["default_queue_id"]
    run_id = pool.run("default", "SCHEDULED")
    flow_id = application.get(f"/flow_runs/{run_id}").json()["flow_id"]
    deployed = application.insert(
        deployment, flow_id=flow_id, work_queue_id=queue_id, work_queue_name="default"
    )
    application.delete(pool.path)

    run = application.get(f"/flow_runs/{run_id}").json()
    assert (run["work_queue_id"], run["work_pool_name"]) == (None, None)
    assert run["work_queue_name"] == "default"
    query = select(deployment.c.work_queue_id).where(deployment.c.id == deployed)
    assert application.read(lambda c: c.execute(query).scalar_one()) is None


def test_deleting_a_pool_is_noticed_in_the_process(pool: Pool) -> None:
    heard: list[str] = []
    pool.application.runtime.database.notices.listen("work pools", heard.append)
    pool.application.delete(pool.path)

    assert heard == [pool.made["id"]]


def test_pools_of_the_system_cannot_be_deleted(application: Application) -> None:
    reply = application.delete("/work_pools/prefect-x")

    assert reply.status_code == 403
    assert reply.json()["detail"] == (
        "Work pools starting with 'Prefect' are reserved for internal use and can not be deleted."
    )
