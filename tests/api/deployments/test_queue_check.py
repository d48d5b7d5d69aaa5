"""Which work queues take up what a deployment schedules."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.database.tables import work_pool, work_queue
from ephemeral_server.wire import dump
from ephemeral_server.work_queues.schemas import WorkQueue
from tests.api.deployments.conftest import Deployments
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape


@pytest.mark.parametrize(
    ("filter", "takes"),
    [
        (None, True),
        ({"tags": None, "deployment_ids": None}, True),
        ({"tags": [], "deployment_ids": []}, True),
        ({"tags": ["a"], "deployment_ids": None}, True),
        ({"tags": ["a", "z"], "deployment_ids": None}, False),
        ({"tags": None, "deployment_ids": ["own"]}, True),
        ({"tags": None, "deployment_ids": [NOBODY]}, False),
        ({"tags": ["a"], "deployment_ids": [NOBODY]}, False),
        ({"tags": ["z"], "deployment_ids": ["own"]}, False),
    ],
)
def test_it_takes_what_its_filter_fits(
    deployments: Deployments, filter: dict[str, Any] | None, takes: bool
) -> None:
    made = deployments.new(tags=["a", "b"])
    if filter and filter["deployment_ids"] == ["own"]:
        filter = {**filter, "deployment_ids": [made["id"]]}
    insert = deployments.application.insert
    queue = insert(
        work_queue,
        work_pool_id=insert(work_pool),
        filter=None if filter is None else dump(filter),
    )

    answer = deployments.application.get(f"/deployments/{made['id']}/work_queue_check")

    assert answer.status_code == 200
    assert_shape(list[WorkQueue], answer.json())
    assert (queue in {each["id"] for each in answer.json()}) is takes


def test_of_what_is_not_there_it_is_not_found(deployments: Deployments) -> None:
    answer = deployments.application.get(f"/deployments/{NOBODY}/work_queue_check")

    assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})
