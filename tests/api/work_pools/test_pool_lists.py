"""Reading, listing and counting work pools."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.work_pools.pools import Pool
from tests.application import Application

BLOCK = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def named(*pools: Pool, **criteria: Any) -> dict[str, Any]:
    return {"work_pools": {"name": {"any_": [pool.name for pool in pools]}, **criteria}}


def test_a_pool_that_is_not_there(application: Application) -> None:
    reply = application.get("/work_pools/nobody")

    assert reply.status_code == 404
    assert reply.json() == {"detail": 'Work pool "nobody" not found.'}


def test_pools_are_listed_by_name(application: Application) -> None:
    pools = sorted((Pool(application) for _ in range(3)), key=lambda pool: pool.name)
    found = application.post("/work_pools/filter", named(*reversed(pools))).json()

    assert found == [pool.made for pool in pools]
    part = {**named(*pools), "limit": 1, "offset": 1}
    assert application.post("/work_pools/filter", part).json() == [pools[1].made]


def test_pools_are_found_by_their_type(application: Application) -> None:
    push, _ = pools = Pool(application, type="k8s:push"), Pool(application)
    query = named(*pools, type={"any_": ["k8s:push"]})

    assert application.post("/work_pools/filter", query).json() == [push.made]


def test_pools_are_counted(application: Application) -> None:
    pools = [Pool(application) for _ in range(2)]

    assert application.post("/work_pools/count", named(*pools)).json() == 2
    assert application.post("/work_pools/count", named(pools[0])).json() == 1
    everything = application.post("/work_pools/count").json()
    assert everything == len(application.post("/work_pools/filter").json())


@pytest.mark.parametrize("path", ["filter", "count"])
def test_a_filter_that_does_not_fit_is_refused(application: Application, path: str) -> None:
    reply = application.post(f"/work_pools/{path}", {"work_pools": {"other": 1}})

    assert reply.status_code == 422


def test_a_limit_out_of_range_is_refused(application: Application) -> None:
    reply = application.post("/work_pools/filter", {"limit": 201})

    assert reply.status_code == 422
    assert reply.json() == {"detail": "Invalid limit: must be less than or equal to 200."}


def test_runs_that_are_pending_or_running_take_slots(application: Application) -> None:
    pool = Pool(application, concurrency_limit=1)
    pool.add_queue("paused", is_paused=True)
    for state in ("PENDING", "RUNNING", "CANCELLING", "SCHEDULED", "COMPLETED"):
        pool.run("default", state)
    pool.run("paused", "RUNNING")
    Pool(application).run("default", "RUNNING")

    assert pool.read()["active_slots"] == 3
    (listed,) = application.post("/work_pools/filter", named(pool)).json()
    assert listed["active_slots"] == 3
    pool.change(concurrency_limit=None)
    assert pool.read()["active_slots"] is None


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("3.3.7", False),
        ("3.3.7rc2", False),
        ("2.20.0", False),
        ("3.3.8rc1", True),
        ("3.3.7.post1", True),
        ("3.3.8", True),
        ("3.8.8", True),
    ],
)
def test_clients_of_old_hear_of_no_storage_of_results(
    application: Application, version: str, told: bool
) -> None:
    client = {"User-Agent": f"prefect/{version} (API 0.8.4)"}
    storage = {"bundle_upload_step": {"a": 1}, "default_result_storage_block_id": BLOCK}
    pool = Pool(application, storage_configuration=storage)

    answers = [
        application.get(pool.path, headers=client).json(),
        *application.post("/work_pools/filter", named(pool), headers=client).json(),
    ]
    for answer in answers:
        shown = answer["storage_configuration"]
        assert ("default_result_storage_block_id" in shown) is told
        assert shown["bundle_upload_step"] == {"a": 1}
