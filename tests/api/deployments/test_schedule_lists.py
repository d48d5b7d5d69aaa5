"""The schedules in a PATCH of a deployment: which are changed, made and kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.deployments.conftest import DAILY, HOURLY, Deployments

#: What schedules are shown as here: slug, cron, whether active, parameters.
Shown = tuple[str | None, str, bool, dict[str, Any]]

A: dict[str, Any] = {"slug": "a", "schedule": HOURLY, "parameters": {"x": 1}}
B: dict[str, Any] = {"slug": "b", "schedule": DAILY, "active": False}
SHOWN_A: Shown = ("a", "0 * * * *", True, {"x": 1})
SHOWN_B: Shown = ("b", "0 9 * * *", False, {})
NAMELESS: dict[str, Any] = {"schedule": HOURLY}
SHOWN_NAMELESS: Shown = (None, "0 * * * *", True, {})

# Before, what is sent, after.
BY_SLUG: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[Shown]]] = {
    "none are sent": ([A, B], [], [SHOWN_A, SHOWN_B]),
    "one without parameters keeps its own": (
        [A, B],
        [{"slug": "a", "schedule": DAILY}],
        [("a", "0 9 * * *", True, {"x": 1}), SHOWN_B],
    ),
    "parameters are replaced": (
        [A],
        [{"slug": "a", "parameters": {}}],
        [("a", "0 * * * *", True, {})],
    ),
    "a null changes nothing": (
        [A],
        [{"slug": "a", "active": None, "schedule": None, "max_scheduled_runs": None}],
        [SHOWN_A],
    ),
    "a slug alone changes nothing": ([A, B], [{"slug": "b"}], [SHOWN_A, SHOWN_B]),
    "it is switched off": (
        [A],
        [{"slug": "a", "active": False}],
        [("a", "0 * * * *", False, {"x": 1})],
    ),
    "a new one": ([A], [{"slug": "c", "schedule": DAILY}], [SHOWN_A, ("c", "0 9 * * *", True, {})]),
    "a new one, active by a null": (
        [A],
        [{"slug": "c", "schedule": DAILY, "active": None}],
        [SHOWN_A, ("c", "0 9 * * *", True, {})],
    ),
    "a new one that replaces nothing": (
        [A],
        [{"slug": "c", "replaces": "z", "schedule": DAILY}],
        [SHOWN_A, ("c", "0 9 * * *", True, {})],
    ),
    "renamed": (
        [A, B],
        [{"slug": "c", "replaces": "a"}],
        [SHOWN_B, ("c", "0 * * * *", True, {"x": 1})],
    ),
    "it replaces itself": ([A], [{"slug": "a", "replaces": "a"}], [SHOWN_A]),
    "swapped": (
        [A, B],
        [{"slug": "b", "replaces": "a"}, {"slug": "a", "replaces": "b"}],
        [("a", "0 9 * * *", False, {}), ("b", "0 * * * *", True, {"x": 1})],
    ),
    "a slug that is given up is free for a new one": (
        [A],
        [{"slug": "c", "replaces": "a"}, {"slug": "a", "schedule": DAILY}],
        [("a", "0 9 * * *", True, {}), ("c", "0 * * * *", True, {"x": 1})],
    ),
    "a slug may be empty": (
        [A],
        [{"slug": "", "schedule": DAILY}],
        [("", "0 9 * * *", True, {}), SHOWN_A],
    ),
    "a chain": (
        [A, B],
        [{"slug": "b", "replaces": "a"}, {"slug": "c", "replaces": "b"}],
        [("b", "0 * * * *", True, {"x": 1}), ("c", "0 9 * * *", False, {})],
    ),
}
AS_A_WHOLE: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[Shown]]] = {
    "none were there": ([], [A], [SHOWN_A]),
    "none were there and none has a slug": ([], [NAMELESS, NAMELESS], [SHOWN_NAMELESS] * 2),
    "some have no slug and none are sent": ([A, NAMELESS], [], []),
    "some have no slug": ([A, NAMELESS], [B], [SHOWN_B]),
    "those without a schedule are passed over": ([NAMELESS], [{"slug": "c"}, A], [SHOWN_A]),
    "active by a null": ([NAMELESS], [{**A, "active": None}], [SHOWN_A]),
}

NO_SLUG = (
    "Please provide a slug for each schedule in your request to ensure schedules are updated "
    "correctly."
)


def shown(deployment: dict[str, Any]) -> list[Shown]:
    found = [
        (each["slug"], each["schedule"]["cron"], each["active"], each["parameters"])
        for each in deployment["schedules"]
    ]
    return sorted(found, key=lambda each: each[0] or "")


@pytest.mark.parametrize("case", BY_SLUG)
def test_those_that_all_have_slugs_are_changed_one_by_one(
    deployments: Deployments, case: str
) -> None:
    before, sent, after = BY_SLUG[case]
    made = deployments.new(schedules=before)

    changed = deployments.patched(made["id"], schedules=sent)

    assert shown(changed) == after
    known = {each["id"] for each in made["schedules"]}
    assert known <= {each["id"] for each in changed["schedules"]}


@pytest.mark.parametrize("case", AS_A_WHOLE)
def test_others_are_replaced_as_a_whole(deployments: Deployments, case: str) -> None:
    before, sent, after = AS_A_WHOLE[case]
    made = deployments.new(schedules=before)

    assert shown(deployments.patched(made["id"], schedules=sent)) == after


def test_those_that_are_sent_as_they_are_keep_their_ids(deployments: Deployments) -> None:
    made = deployments.new(schedules=[NAMELESS, A])

    changed = deployments.patched(made["id"], schedules=[NAMELESS, B])

    (kept,) = [each for each in made["schedules"] if each["slug"] is None]
    assert kept in changed["schedules"]


@pytest.mark.parametrize("before", [[], [A], [NAMELESS]])
def test_none_change_if_nothing_is_said_of_them(
    deployments: Deployments, before: list[dict[str, Any]]
) -> None:
    made = deployments.new(schedules=before)

    assert deployments.patched(made["id"], description="d")["schedules"] == made["schedules"]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (
            [A, NAMELESS],
            NO_SLUG,
        ),
        (
            [{"slug": "c", "replaces": "a"}, {"slug": "d", "replaces": "a"}],
            "Multiple schedules have 'replaces' targeting the same slug: a",
        ),
        (
            [{"slug": "b", "replaces": "a"}],
            "Cannot rename schedule from 'a' to 'b': a schedule with slug 'b' already exists.",
        ),
        (
            [{"slug": "c", "active": True}],
            "Unable to create new deployment schedules without a schedule configuration.",
        ),
        (
            [{"slug": "c", "replaces": "z"}],
            "Unable to create new deployment schedules without a schedule configuration.",
        ),
    ],
)
def test_what_is_not_clear_is_refused(
    deployments: Deployments, sent: list[dict[str, Any]], why: str
) -> None:
    made = deployments.new(schedules=[A, B])

    answer = deployments.patch(made["id"], schedules=sent, description="new")

    assert (answer.status_code, answer.json()) == (422, {"detail": why})
    assert deployments.read(made["id"]) == made


def test_two_new_ones_of_one_slug_are_a_conflict(deployments: Deployments) -> None:
    made = deployments.new(schedules=[A])
    new = {"slug": "c", "schedule": DAILY}

    answer = deployments.patch(made["id"], schedules=[new, new])

    assert answer.status_code == 409
    assert deployments.read(made["id"]) == made


@pytest.mark.parametrize("before", [[A], [NAMELESS]])
def test_how_many_runs_a_new_one_plans_ahead_is_kept(
    deployments: Deployments, before: list[dict[str, Any]]
) -> None:
    made = deployments.new(schedules=before)
    new = {"slug": "c", "schedule": DAILY, "max_scheduled_runs": 7}

    schedules = deployments.patched(made["id"], schedules=[new])["schedules"]

    assert [each["max_scheduled_runs"] for each in schedules if each["slug"] == "c"] == [7]
