"""Making, reading, changing and deleting concurrency limits."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from ephemeral_server.fields import LARGEST
from ephemeral_server.limits.schemas import ConcurrencyLimitV2, GlobalConcurrencyLimitResponse
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.application import Application
from tests.limits.limits import Limits

LIMITS = "/v2/concurrency_limits"


def new(application: Application, **given: Any) -> dict[str, Any]:
    answer = application.post(f"{LIMITS}/", {"name": f"limit-{uuid4()}", "limit": 3, **given})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def read(application: Application, id_or_name: str) -> dict[str, Any]:
    answer = application.get(f"{LIMITS}/{quote(id_or_name)}")
    assert answer.status_code == 200, answer.text
    assert_shape(GlobalConcurrencyLimitResponse, answer.json())
    limit: dict[str, Any] = answer.json()
    return limit


def told(application: Application) -> list[tuple[str, str, dict[str, Any]]]:
    """What was told of limits since the last time: the event, about whom, and the payload."""
    events = [event for event in application.events if "concurrency-limit" in event.event]
    application.events.clear()
    return [
        (event.event, event.resource["prefect.resource.name"], event.payload) for event in events
    ]


# Making and reading


def test_a_new_limit_is_in_force_and_nothing_of_it_is_taken(application: Application) -> None:
    made = new(application, name="new one, with ☃")
    assert_shape(ConcurrencyLimitV2, made)
    assert made == {
        **{key: made[key] for key in ("id", "created")},
        "updated": made["created"],
        "active": True,
        "name": "new one, with ☃",
        "limit": 3,
        "active_slots": 0,
        "denied_slots": 0,
        "slot_decay_per_second": 0.0,
        "avg_slot_occupancy_seconds": 2.0,
    }


def test_a_limit_is_kept_as_it_was_given(application: Application) -> None:
    given = {
        "limit": 2,
        "active": False,
        "active_slots": 9,
        "denied_slots": 4,
        "slot_decay_per_second": 0.5,
    }
    made = new(application, **given)
    assert {key: made[key] for key in given} == given


def test_a_limit_is_read_by_its_id_or_its_name(application: Application) -> None:
    made = new(application)
    for key in (made["id"], made["id"].upper(), made["id"].replace("-", ""), made["name"]):
        assert read(application, key)["id"] == made["id"]


def test_a_limit_whose_name_looks_like_an_id_is_found_by_it(application: Application) -> None:
    made = new(application, name=str(uuid4()))
    assert read(application, made["name"])["id"] == made["id"]


def test_what_has_decayed_is_not_shown_as_taken(application: Application) -> None:
    made = new(application, limit=5, active_slots=5, slot_decay_per_second=1)
    application.clock.advance(2.35)
    assert read(application, made["id"])["active_slots"] == 3
    (listed,) = [limit for limit in everyone(application) if limit["id"] == made["id"]]
    assert listed == read(application, made["id"])


def everyone(application: Application, **query: Any) -> list[dict[str, Any]]:
    answer = application.post(f"{LIMITS}/filter", query or None)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_limits_are_listed_by_name_in_pages(application: Application) -> None:
    for name in ("b", "C", "a"):
        new(application, name=f"page {name}")
    names = [limit["name"] for limit in everyone(application)]
    assert names == sorted(names)
    assert [limit["name"] for limit in everyone(application, limit=2, offset=1)] == names[1:3]
    assert everyone(application, limit=0) == []
    assert everyone(application, limit=None, offset=None, unknown=1) == everyone(application)


@pytest.mark.parametrize("query", [{"limit": 201}, {"limit": -1}, {"offset": -1}, {"limit": "a"}])
def test_a_page_that_cannot_be_is_refused(application: Application, query: Any) -> None:
    assert application.post(f"{LIMITS}/filter", query).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "a/b"},
        {"name": None},
        {"name": "a\x00"},
        {"limit": -1},
        {"limit": None},
        {"limit": 1.5},
        {"limit": LARGEST + 1},
        {"active": None},
        {"active_slots": -1},
        {"slot_decay_per_second": -1},
        {"slot_decay_per_second": "inf"},
        {"avg_slot_occupancy_seconds": 1},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_no_limit_can_have_is_refused(
    application: Application, method: str, wrong: dict[str, Any]
) -> None:
    if method == "POST":
        answer = application.post(f"{LIMITS}/", {"name": "wrong", "limit": 1, **wrong})
    else:
        answer = application.patch(f"{LIMITS}/{new(application)['id']}", wrong)
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", *wrong]


def test_a_name_is_there_once(application: Application) -> None:
    first, second = new(application), new(application)
    application.events.clear()
    for answer in (
        application.post(f"{LIMITS}/", {"name": first["name"], "limit": 9}),
        application.patch(f"{LIMITS}/{second['id']}", {"name": first["name"], "limit": 9}),
    ):
        assert answer.status_code == 409
        assert first["name"] in answer.json()["detail"]
    assert [read(application, made["name"])["limit"] for made in (first, second)] == [3, 3]
    assert told(application) == []


@pytest.mark.parametrize("key", [NOBODY, "nobody"])
def test_a_limit_that_is_not_there_is_not_found(application: Application, key: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"limit": 1}), ("DELETE", None)):
        answer = application.request(method, f"{LIMITS}/{key}", body)
        assert answer.status_code == 404
        assert answer.json() == {"detail": "Concurrency Limit not found"}


# Changing


def test_what_is_given_is_changed_and_the_rest_stays(application: Application) -> None:
    made = new(application, slot_decay_per_second=0.5)
    before = read(application, made["id"])
    application.clock.advance(1)

    changed = {"name": f"{made['name']} changed", "limit": 7, "active": False}
    assert application.patch(f"{LIMITS}/{quote(made['name'])}", changed).status_code == 204
    after = read(application, made["id"])
    assert after == {**before, **changed, "updated": after["updated"]}
    assert after["updated"] > before["updated"]


def test_a_name_may_be_changed_to_itself(application: Application) -> None:
    made = new(application)
    body = {"name": made["name"]}
    assert application.patch(f"{LIMITS}/{made['id']}", body).status_code == 204


def test_a_change_neither_takes_back_what_has_decayed_nor_a_part_of_a_slot(
    application: Application,
) -> None:
    id = new(application, limit=5, active_slots=5, slot_decay_per_second=1)["id"]
    application.clock.advance(2.6)
    application.patch(f"{LIMITS}/{id}", {"limit": 9})
    assert read(application, id)["active_slots"] == 3
    application.clock.advance(0.4)
    assert read(application, id)["active_slots"] == 2


def test_a_new_rate_holds_from_now_on(application: Application) -> None:
    id = new(application, limit=9, active_slots=9)["id"]
    application.clock.advance(3600)
    application.patch(f"{LIMITS}/{id}", {"slot_decay_per_second": 1})
    assert read(application, id)["active_slots"] == 9
    application.clock.advance(2)
    application.patch(f"{LIMITS}/{id}", {"slot_decay_per_second": 0})
    application.clock.advance(3600)
    assert read(application, id)["active_slots"] == 7


def test_slots_that_are_set_decay_from_now_on(application: Application) -> None:
    id = new(application, limit=9, active_slots=9, slot_decay_per_second=1)["id"]
    application.clock.advance(1.9)
    application.patch(f"{LIMITS}/{id}", {"active_slots": 5})
    application.clock.advance(0.9)
    assert read(application, id)["active_slots"] == 5
    application.clock.advance(0.1)
    assert read(application, id)["active_slots"] == 4


# Deleting


@pytest.mark.parametrize("key", ["id", "name"])
def test_a_deleted_limit_is_gone(application: Application, key: str) -> None:
    made = new(application)
    assert application.delete(f"{LIMITS}/{made[key]}").status_code == 204
    assert application.delete(f"{LIMITS}/{made[key]}").status_code == 404


def test_who_has_slots_of_a_deleted_limit_may_go_on(
    application: Application, limits: Limits
) -> None:
    gone, stays = new(application), new(application)
    body = {"names": [gone["name"], stays["name"]], "slots": 1}
    lease = application.post(f"{LIMITS}/increment-with-lease", body).json()["lease_id"]
    application.delete(f"{LIMITS}/{gone['id']}")
    assert application.post(f"{LIMITS}/leases/{lease}/renew").status_code == 204
    application.post(f"{LIMITS}/decrement-with-lease", {"lease_id": lease})
    assert limits.taken(stays["id"]) == 0


# Events


def test_what_happens_to_a_limit_is_told(application: Application) -> None:
    application.events.clear()
    made = new(application, name="told")
    payload = {"name": "told", "limit": 3, "active": True, "slot_decay_per_second": 0.0}
    assert told(application) == [("prefect.concurrency-limit.created", "told", payload)]

    changes = {"name": "renamed", "limit": 5, "active": False, "slot_decay_per_second": 2.0}
    application.patch(f"{LIMITS}/{made['id']}", {**changes, "active_slots": 1})
    assert told(application) == [("prefect.concurrency-limit.updated", "renamed", changes)]

    application.delete(f"{LIMITS}/{made['id']}")
    (event,) = [each for each in application.events if each.event.endswith("deleted")]
    assert event.resource["prefect.resource.id"] == f"prefect.concurrency-limit.{made['id']}"
    assert event.related == []
    assert told(application) == [("prefect.concurrency-limit.deleted", "renamed", changes)]
