"""Late runs of deployments whose slots are all taken."""

from __future__ import annotations

from typing import Any

import pytest

from ephemeral_server.orchestration.changes import Outcome, set_flow_run_state
from ephemeral_server.orchestration.policies import FLOW_LATE
from ephemeral_server.orchestration.states import scheduled
from tests.orchestration.runs import Run, Runs
from tests.orchestration.slots import NEW, Slots

FULL = "Deployment concurrency limit reached."
CANCEL_NEW = {"collision_strategy": "CANCEL_NEW"}


def mark_late(runs: Runs, run: Run) -> Outcome:
    now = runs.clock.now()
    return runs.application.write(
        set_flow_run_state,
        runs.application.runtime.settings,
        run.id,
        scheduled(now, now, "Late"),
        policy=FLOW_LATE,
    )


@pytest.mark.parametrize(
    ("taken", "options", "type"),
    [
        (1, CANCEL_NEW, "CANCELLED"),
        (2, CANCEL_NEW, "CANCELLED"),
        (0, CANCEL_NEW, "SCHEDULED"),
        (1, {"collision_strategy": "ENQUEUE"}, "SCHEDULED"),
        (1, {}, "SCHEDULED"),
    ],
)
def test_a_late_run_is_cancelled_where_new_ones_find_no_slot(
    runs: Runs, slots: Slots, taken: int, options: dict[str, Any], type: str
) -> None:
    limit = slots.new(1, active_slots=taken)
    run = runs.flow_run("SCHEDULED", deployment_id=slots.deployment(limit, **options))

    outcome = mark_late(runs, run)

    state = run.state
    assert state["type"] == type
    if type == "CANCELLED":
        assert outcome.status == "REJECT"
        assert outcome.details["reason"] == (
            "Deployment concurrency limit is full and uses the CANCEL_NEW strategy."
        )
        assert (state["name"], state["message"]) == ("Cancelled", FULL)
    else:
        assert (outcome.status, state["name"]) == ("ACCEPT", "Late")
    assert slots.taken(limit) == taken


def test_a_client_that_calls_a_run_late_does_not_cancel_it(runs: Runs, slots: Slots) -> None:
    limit = slots.new(1, active_slots=1)
    run = runs.flow_run("SCHEDULED", deployment_id=slots.deployment(limit, **CANCEL_NEW))
    answer = run.propose("SCHEDULED", "Late", headers=NEW)
    assert (answer.status, answer.name) == ("ACCEPT", "Late")


def test_slots_that_decayed_do_not_make_a_run_late_for_good(runs: Runs, slots: Slots) -> None:
    limit = slots.new(1, active_slots=1, slot_decay_per_second=1.0)
    run = runs.flow_run("SCHEDULED", deployment_id=slots.deployment(limit, **CANCEL_NEW))
    runs.clock.advance(1)
    assert mark_late(runs, run).status == "ACCEPT"
