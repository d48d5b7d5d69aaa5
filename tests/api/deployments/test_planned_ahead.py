"""What is planned ahead follows the changes of deployments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.deployments.conftest import DAILY, HOURLY, Deployments

A, B = {"schedule": HOURLY, "slug": "a"}, {"schedule": DAILY, "slug": "b"}


class Ahead:
    """A deployment with two schedules, and what is planned for it."""

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments
        self.made = deployments.new(schedules=[A, B], tags=["t"], parameters={"x": 1})
        self.path = f"/deployments/{self.made['id']}"
        self.before = self.planned()
        assert {run["created_by"]["display_value"] for run in self.before.values()} == {"a", "b"}

    def planned(self) -> dict[str, dict[str, Any]]:
        """The runs of the deployment by their ids, after the scheduler has looked at it."""
        application = self.deployments.application
        application.wait(application.runtime.run_service("changed-deployments"))
        body = {"flow_runs": {"deployment_id": {"any_": [self.made["id"]]}}}
        runs = application.post("/flow_runs/filter", body).json()
        return {run["id"]: run for run in runs}

    def slugs_of_kept(self) -> set[str]:
        """Of which schedules the runs are the same as before."""
        kept = self.planned().keys() & self.before.keys()
        return {self.before[id]["created_by"]["display_value"] for id in kept}


@pytest.fixture
def ahead(deployments: Deployments) -> Ahead:
    return Ahead(deployments)


def _again(ahead: Ahead) -> None:
    ahead.deployments.again(ahead.made, schedules=[A, B], tags=["t"], parameters={"x": 1})


def _without_parameters(ahead: Ahead) -> None:
    ahead.deployments.again(ahead.made, schedules=[B, A], tags=["t"])


def _described(ahead: Ahead) -> None:
    ahead.deployments.patched(ahead.made["id"], description="new")


@pytest.mark.parametrize("change", [_again, _without_parameters, _described])
def test_runs_that_still_hold_stay(ahead: Ahead, change: Callable[[Ahead], None]) -> None:
    change(ahead)

    assert ahead.planned() == ahead.before


def test_runs_are_planned_anew_when_the_deployment_is_another(ahead: Ahead) -> None:
    ahead.deployments.patched(ahead.made["id"], tags=["u"], parameters={"y": 2})

    after = ahead.planned()
    assert not after.keys() & ahead.before.keys()
    assert len(after) == len(ahead.before)
    for run in after.values():
        assert (run["parameters"], run["tags"]) == ({"y": 2}, ["auto-scheduled", "u"])


def test_only_runs_of_a_schedule_that_is_another_are_planned_anew(ahead: Ahead) -> None:
    schedules = [{"slug": "a", "parameters": {"z": 3}}]

    ahead.deployments.patched(ahead.made["id"], schedules=schedules)

    assert ahead.slugs_of_kept() == {"b"}
    new = [run for id, run in ahead.planned().items() if id not in ahead.before]
    assert {str(run["parameters"]) for run in new} == {"{'x': 1, 'z': 3}"}


def test_runs_of_a_deleted_schedule_go_and_those_of_a_new_one_come(ahead: Ahead) -> None:
    application = ahead.deployments.application
    ids = {each["slug"]: each["id"] for each in ahead.made["schedules"]}

    application.delete(f"{ahead.path}/schedules/{ids['a']}")
    assert (
        ahead.slugs_of_kept()
        == {"b"}
        == {run["created_by"]["display_value"] for run in ahead.planned().values()}
    )
    application.post(f"{ahead.path}/schedules", [{"schedule": HOURLY, "slug": "c"}])
    assert {run["created_by"]["display_value"] for run in ahead.planned().values()} == {"b", "c"}


def test_none_are_planned_while_it_is_paused(ahead: Ahead) -> None:
    application = ahead.deployments.application

    application.post(f"{ahead.path}/pause_deployment")
    assert ahead.planned() == {}
    application.post(f"{ahead.path}/resume_deployment")
    assert len(ahead.planned()) == len(ahead.before)


def test_pausing_by_a_change_does_the_same(ahead: Ahead) -> None:
    ahead.deployments.patched(ahead.made["id"], paused=True)
    assert ahead.planned() == {}
    ahead.deployments.patched(ahead.made["id"], paused=False)
    assert len(ahead.planned()) == len(ahead.before)
