"""Limits of tags: the routes that know them by their tags."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from ephemeral_server.limits.tag_schemas import ConcurrencyLimit
from tests.api.objects import NOBODY
from tests.api.shapes import assert_shape
from tests.application import Application
from tests.limits.limits import Limits

TAGS = "/concurrency_limits"


class Tags:
    """Limits of tags, and task runs that take their slots."""

    def __init__(self, application: Application, limits: Limits) -> None:
        self.application, self._limits = application, limits

    def new(self, slots: int = 1, tag: str | None = None) -> str:
        """A tag with a limit."""
        tag = tag or f"tag-{uuid4()}"
        answer = self.set(tag, slots)
        assert answer.status_code == 201, answer.text
        return tag

    def set(self, tag: str, slots: int) -> httpx.Response:
        return self.application.post(f"{TAGS}/", {"tag": tag, "concurrency_limit": slots})

    def read(self, tag: str) -> dict[str, Any]:
        """The limit of a tag."""
        answer = self.application.get(f"{TAGS}/tag/{quote(tag)}")
        assert answer.status_code == 200, answer.text
        assert_shape(ConcurrencyLimit, answer.json())
        limit: dict[str, Any] = answer.json()
        return limit

    def holders(self, tag: str) -> list[str]:
        """The task runs with slots, which must be as many as the limit counts."""
        limit = self.read(tag)
        holders: list[str] = limit["active_slots"]
        assert self._limits.taken(limit["id"]) == len(holders)
        return holders

    def take(self, run: str, *tags: str) -> httpx.Response:
        body = {"names": list(tags), "task_run_id": run}
        return self.application.post(f"{TAGS}/increment", body)

    def give(self, run: str, *tags: str, **members: Any) -> httpx.Response:
        body = {"names": list(tags), "task_run_id": run, **members}
        return self.application.post(f"{TAGS}/decrement", body)

    def reset(self, tag: str, *runs: str) -> httpx.Response:
        body = {"slot_override": list(runs) or None}
        return self.application.post(f"{TAGS}/tag/{tag}/reset", body)


@pytest.fixture
def tags(application: Application, limits: Limits) -> Tags:
    return Tags(application, limits)


def run() -> str:
    return str(uuid4())


# Making, reading and deleting


def test_the_limit_of_a_tag_is_a_limit_named_after_it(application: Application, tags: Tags) -> None:
    tag = tags.new(2)
    limit = tags.read(tag)
    assert limit == {
        **{key: limit[key] for key in ("id", "created")},
        "updated": limit["created"],
        "tag": tag,
        "concurrency_limit": 2,
        "active_slots": [],
    }
    assert application.get(f"{TAGS}/{limit['id']}").json() == limit
    other = application.get(f"/v2/concurrency_limits/tag:{tag}").json()
    assert (other["id"], other["limit"], other["active"]) == (limit["id"], 2, True)


def test_a_tag_that_has_a_limit_gets_another_number(application: Application, tags: Tags) -> None:
    tag, holder = tags.new(2), run()
    tags.take(holder, tag)
    before = tags.read(tag)
    application.clock.advance(1)

    answer = tags.set(tag, 5)

    assert answer.status_code == 200
    assert answer.json() == tags.read(tag)
    assert tags.read(tag) == {
        **before,
        "concurrency_limit": 5,
        "updated": answer.json()["updated"],
        "active_slots": [holder],
    }
    assert answer.json()["updated"] > before["updated"]


@pytest.mark.parametrize("slots", [0, -1])
def test_a_limit_may_let_nobody_through(tags: Tags, slots: int) -> None:
    assert tags.read(tags.new(slots))["concurrency_limit"] == slots


@pytest.mark.parametrize(
    "wrong",
    [
        {"tag": "a/b"},
        {"tag": None},
        {"concurrency_limit": None},
        {"concurrency_limit": 2**63},
        {"active_slots": []},
    ],
)
def test_what_no_tag_or_number_can_be_is_refused(
    application: Application, wrong: dict[str, Any]
) -> None:
    body = {"tag": "wrong", "concurrency_limit": 1, **wrong}
    answer = application.post(f"{TAGS}/", body)
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", *wrong]


def test_the_limits_of_tags_alone_are_listed_by_name(
    application: Application, tags: Tags, limits: Limits
) -> None:
    for name in ("a", "tag", "tag9", "tag;", "z", "Tag:a"):
        limits.new(name=f"{name}{uuid4()}" if name != "tag;" else f"tag;{uuid4()}")
    first, second = tags.new(tag=f"0{uuid4()}"), tags.new(tag=f"1{uuid4()}")
    holder = run()
    tags.take(holder, second)

    listed = application.post(f"{TAGS}/filter").json()
    assert listed[:2] == [tags.read(first), tags.read(second)]
    names = [limit["tag"] for limit in listed]
    assert names == sorted(names)
    pages = [
        application.post(f"{TAGS}/filter", {"limit": 1, "offset": offset}).json()[0]
        for offset in range(len(listed))
    ]
    assert pages == listed


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "tag/nobody"),
        ("GET", NOBODY),
        ("DELETE", "tag/nobody"),
        ("DELETE", NOBODY),
        ("POST", "tag/nobody/reset"),
    ],
)
def test_a_tag_without_limit_is_not_found(application: Application, method: str, path: str) -> None:
    answer = application.request(method, f"{TAGS}/{path}")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Concurrency limit not found"}


def test_what_is_no_id_is_no_route(application: Application) -> None:
    assert application.get(f"{TAGS}/abc").json() == {"detail": "Not Found"}


def test_other_limits_are_neither_shown_nor_deleted(
    application: Application, limits: Limits
) -> None:
    id = limits.new()
    assert application.get(f"{TAGS}/{id}").status_code == 404
    assert application.delete(f"{TAGS}/{id}").status_code == 404
    assert limits.taken(id) == 0


@pytest.mark.parametrize("by", ["id", "tag"])
def test_a_deleted_limit_is_gone_with_its_leases(
    application: Application, tags: Tags, by: str
) -> None:
    tag, other, holder = tags.new(2), tags.new(2), run()
    tags.take(holder, tag)
    tags.take(holder, tag, other)
    path = f"{TAGS}/{tags.read(tag)['id'] if by == 'id' else f'tag/{tag}'}"

    answer = application.delete(path)

    assert (answer.status_code, answer.json()) == (200, None)
    assert application.get(path).status_code == 404
    assert tags.holders(other) == [holder]
    tags.give(holder, other)
    assert tags.holders(other) == []


# Taking slots and giving them back


def test_a_run_has_a_slot_until_it_gives_it_back(application: Application, tags: Tags) -> None:
    tag, one, two = tags.new(2), run(), run()
    shown = {"id": tags.read(tag)["id"], "limit": 2}

    assert tags.take(one, tag, tag, "nobody").json() == [{**shown, "name": tag}]
    application.clock.advance(1)
    tags.take(two, tag)
    assert tags.holders(tag) == [one, two]

    for _ in range(2):
        answer = tags.give(one, tag, "nobody", occupancy_seconds="any")
        assert answer.json() == [{**shown, "name": f"tag:{tag}"}]
        assert tags.holders(tag) == [two]


def test_a_run_may_have_several_slots_and_gives_all_back(tags: Tags) -> None:
    tag, holder = tags.new(2), run()
    tags.take(holder, tag)
    tags.take(holder, tag)
    assert tags.holders(tag) == [holder, holder]
    tags.give(holder, tag)
    assert tags.holders(tag) == []


def test_a_slot_is_kept_for_as_long_as_it_takes(application: Application, tags: Tags) -> None:
    tag, holder = tags.new(), run()
    tags.take(holder, tag)
    application.clock.advance(50 * 365 * 24 * 3600)
    assert tags.holders(tag) == [holder]


def test_who_finds_a_tag_full_is_told_which_and_when_to_ask_again(tags: Tags) -> None:
    free, full = tags.new(), tags.new()
    tags.take(run(), full)

    answer = tags.take(run(), "nobody", free, full)

    assert answer.status_code == 423
    assert answer.headers["Retry-After"] == "10.0"
    assert answer.json() == {"detail": f"Concurrency limit for the {free} tag has been reached"}
    assert tags.holders(free) == []


def test_who_would_wait_for_ever_is_not_told_to(tags: Tags) -> None:
    free, none = tags.new(), tags.new(0)
    answer = tags.take(run(), free, none)
    assert answer.status_code == 423
    assert "Retry-After" not in answer.headers
    assert answer.json()["detail"] == (
        f'The concurrency limit on tag "{none}" is 0 and will deadlock if the task tries to '
        "run again."
    )
    assert tags.holders(free) == []


def test_less_than_no_slot_is_none(tags: Tags) -> None:
    assert tags.take(run(), tags.new(-(2**63))).status_code == 423


@pytest.mark.parametrize("names", [[], ["nobody"]])
def test_tags_without_limits_are_free(tags: Tags, names: list[str]) -> None:
    for route in (tags.take, tags.give):
        answer = route(run(), *names)
        assert (answer.status_code, answer.json()) == (200, [])


def test_a_limit_that_is_not_in_force_is_passed_over(application: Application, tags: Tags) -> None:
    tag = tags.new(0)
    application.patch(f"/v2/concurrency_limits/tag:{tag}", {"active": False})
    assert tags.take(run(), tag).json() == []
    assert [limit["name"] for limit in tags.give(run(), tag).json()] == [f"tag:{tag}"]


@pytest.mark.parametrize(
    "wrong", [{"names": None}, {"names": ["a\x00"]}, {"task_run_id": "x"}, {"task_run_id": None}]
)
@pytest.mark.parametrize("route", ["increment", "decrement"])
def test_slots_are_of_tags_and_for_a_run(
    application: Application, route: str, wrong: dict[str, Any]
) -> None:
    body = {"names": ["a"], "task_run_id": run(), **wrong}
    assert application.post(f"{TAGS}/{route}", body).status_code == 422


# Starting anew


@pytest.mark.parametrize("body", [None, {}, {"slot_override": None}, {"slot_override": []}])
def test_a_reset_frees_all_slots(application: Application, tags: Tags, body: Any) -> None:
    tag, holder = tags.new(2), run()
    tags.take(holder, tag)
    tags.take(run(), tag)

    answer = application.post(f"{TAGS}/tag/{tag}/reset", body)

    assert (answer.status_code, answer.json()) == (200, None)
    assert tags.holders(tag) == []
    tags.give(holder, tag)  # too late, it has none any more
    assert tags.holders(tag) == []


def test_a_reset_gives_slots_to_others_even_more_than_there_are(tags: Tags) -> None:
    tag, one, two = tags.new(2), run(), run()
    tags.take(run(), tag)

    assert tags.reset(tag, one, two, one).json() is None

    assert sorted(tags.holders(tag)) == sorted([one, two, one])
    assert tags.take(run(), tag).status_code == 423
    tags.give(one, tag)
    assert tags.holders(tag) == [two]


def test_a_reset_leaves_the_slots_of_other_tags(tags: Tags) -> None:
    tag, other, holder = tags.new(2), tags.new(2), run()
    tags.take(holder, tag, other)
    tags.reset(tag)
    assert (tags.holders(tag), tags.holders(other)) == ([], [holder])
    tags.give(holder, tag, other)
    assert (tags.holders(tag), tags.holders(other)) == ([], [])


def test_slots_are_reset_to_runs_of_valid_ids(application: Application, tags: Tags) -> None:
    path = f"{TAGS}/tag/{tags.new()}/reset"
    assert application.post(path, {"slot_override": ["x"]}).status_code == 422


# Events


def test_what_happens_to_a_tags_limit_is_told_but_not_who_has_slots(
    application: Application, tags: Tags
) -> None:
    application.events.clear()
    tag = tags.new(2)
    tags.set(tag, 3)
    tags.take(run(), tag)
    tags.reset(tag)
    application.delete(f"{TAGS}/tag/{tag}")

    told = [
        (event.event.rpartition(".")[2], event.payload["name"], event.payload["limit"])
        for event in application.events
    ]
    name = f"tag:{tag}"
    assert told == [("created", name, 2), ("updated", name, 3), ("deleted", name, 3)]
