"""Concurrency limits of deployments: their own, and those they share with others."""

from __future__ import annotations

import pytest

from ephemeral_server.deployments.schemas import DeploymentResponse
from tests.api.deployments.conftest import Deployments
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape


def test_a_number_makes_a_limit_of_its_own(deployments: Deployments) -> None:
    made = deployments.new(concurrency_limit=3)

    assert_shape(DeploymentResponse, made)
    assert made["concurrency_limit"] is None
    limit = made["global_concurrency_limit"]
    assert limit == {
        "id": limit["id"],
        "created": made["created"],
        "updated": made["created"],
        "active": True,
        "name": f"deployment:{made['id']}",
        "limit": 3,
        "active_slots": 0,
        "slot_decay_per_second": 0.0,
    }


def test_its_own_limit_is_changed_in_place(deployments: Deployments) -> None:
    made = deployments.new(concurrency_limit=3)
    limit = made["global_concurrency_limit"]
    deployments.application.clock.advance(1)

    same = deployments.again(made, concurrency_limit=3)["global_concurrency_limit"]
    posted = deployments.again(made, concurrency_limit=4)["global_concurrency_limit"]
    patched = deployments.patched(made["id"], concurrency_limit=5)["global_concurrency_limit"]

    assert same == limit
    assert (posted["id"], posted["limit"]) == (limit["id"], 4)
    assert (patched["id"], patched["limit"]) == (limit["id"], 5)
    assert deployments.limits(made["id"]) == [(limit["id"], 5)]


def test_nothing_said_of_limits_leaves_them(deployments: Deployments) -> None:
    made = deployments.new(concurrency_limit=3)
    limit = made["global_concurrency_limit"]

    assert deployments.again(made)["global_concurrency_limit"] == limit
    assert deployments.patched(made["id"])["global_concurrency_limit"] == limit


@pytest.mark.parametrize("post", [True, False])
def test_null_takes_its_own_limit_away(deployments: Deployments, post: bool) -> None:
    made = deployments.new(concurrency_limit=3)

    if post:
        after = deployments.again(made, concurrency_limit=None)
    else:
        after = deployments.patched(made["id"], concurrency_limit=None)

    assert after["global_concurrency_limit"] is None
    assert deployments.limits(made["id"]) == []


def test_a_shared_limit_is_linked_and_shown_as_it_is(deployments: Deployments) -> None:
    limit = deployments.limit(slots=4, active_slots=2, slot_decay_per_second=1.0)
    made = deployments.new(global_concurrency_limit_id=limit)
    assert made["global_concurrency_limit"]["active_slots"] == 2

    deployments.application.clock.advance(1)

    shown = deployments.read(made["id"])["global_concurrency_limit"]
    assert (shown["id"], shown["limit"], shown["active_slots"]) == (limit, 4, 1)


def test_a_client_that_sends_no_number_with_a_shared_limit_links_it(
    deployments: Deployments,
) -> None:
    limit = deployments.limit(slots=4)

    made = deployments.new(concurrency_limit=None, global_concurrency_limit_id=limit)

    assert made["global_concurrency_limit"]["id"] == limit
    assert deployments.again(made, concurrency_limit=None)["global_concurrency_limit"] is None
    assert deployments.limits(limit) == [(limit, 4)]


def test_a_shared_limit_is_unlinked_and_stays(deployments: Deployments) -> None:
    limit = deployments.limit(slots=4)
    made = deployments.new(global_concurrency_limit_id=limit)

    after = deployments.patched(made["id"], global_concurrency_limit_id=None)

    assert after["global_concurrency_limit"] is None
    assert deployments.limits(limit) == [(limit, 4)]


def test_a_number_does_not_change_a_shared_limit(deployments: Deployments) -> None:
    limit = deployments.limit(slots=4)
    made = deployments.new(global_concurrency_limit_id=limit)

    after = deployments.patched(made["id"], concurrency_limit=2)

    assert after["global_concurrency_limit"]["name"] == f"deployment:{made['id']}"
    assert after["global_concurrency_limit"]["limit"] == 2
    assert deployments.limits(limit) == [(limit, 4)]


def test_its_own_limit_is_linked_again_by_a_number(deployments: Deployments) -> None:
    made = deployments.new(concurrency_limit=3)
    own = made["global_concurrency_limit"]["id"]
    deployments.patched(made["id"], global_concurrency_limit_id=None)
    assert deployments.limits(made["id"]) == [(own, 3)]

    after = deployments.patched(made["id"], concurrency_limit=2)

    assert after["global_concurrency_limit"]["id"] == own
    assert deployments.limits(made["id"]) == [(own, 2)]


def test_its_own_limit_may_be_named_with_no_number(deployments: Deployments) -> None:
    made = deployments.new(concurrency_limit=3)
    own = made["global_concurrency_limit"]

    after = deployments.again(made, concurrency_limit=None, global_concurrency_limit_id=own["id"])

    assert after["global_concurrency_limit"] == own


def test_a_limit_that_is_not_there_is_not_found(deployments: Deployments) -> None:
    made = deployments.new()
    given = {"global_concurrency_limit_id": NOBODY}

    posted = deployments.application.post("/deployments/", deployments.body(**given))
    patched = deployments.patch(made["id"], **given)

    for answer in (posted, patched):
        assert (answer.status_code, answer.json()) == (
            404,
            {"detail": "Concurrency limit not found"},
        )


def test_its_own_limit_goes_with_it_and_a_shared_one_stays(deployments: Deployments) -> None:
    shared = deployments.limit(slots=4)
    own = deployments.new(concurrency_limit=1)
    unlinked = deployments.new(concurrency_limit=1)
    deployments.patched(unlinked["id"], global_concurrency_limit_id=shared)

    for each in (own, unlinked):
        assert deployments.application.delete(f"/deployments/{each['id']}").status_code == 204

    assert deployments.limits(own["id"]) == deployments.limits(unlinked["id"]) == []
    assert deployments.limits(shared) == [(shared, 4)]


def test_its_own_limit_goes_with_its_flow(deployments: Deployments) -> None:
    shared = deployments.limit(slots=4)
    made = deployments.new(concurrency_limit=1)
    other = deployments.new(concurrency_limit=1)
    linked = deployments.new(flow_id=made["flow_id"], global_concurrency_limit_id=shared)

    assert deployments.application.delete(f"/flows/{made['flow_id']}").status_code == 204

    assert deployments.application.get(f"/deployments/{linked['id']}").status_code == 404
    assert deployments.limits(made["id"]) == []
    assert len(deployments.limits(other["id"])) == len(deployments.limits(shared)) == 1
