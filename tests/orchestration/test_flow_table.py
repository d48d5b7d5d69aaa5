"""What follows when each type of state is proposed to a flow run in each type of state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.orchestration.runs import TYPES, Run, Runs

NONE = "none"

#: How rules answer: the status, the reason, and the type entered instead (None: none).
REFUSALS: dict[str, tuple[str, str, str | None]] = {
    "terminal": ("ABORT", "Run is already in terminal state {initial}.", None),
    "undeployed": ("ABORT", "Cannot reschedule a run without an associated deployment.", None),
    "stop": (
        "REJECT",
        "Cannot transition flows that are cancelling to a state other than Cancelled.",
        None,
    ),
    "nothing-runs": (
        "REJECT",
        "Scheduled flow run has no infrastructure to terminate.",
        "CANCELLED",
    ),
    "pending": (
        "ABORT",
        "This run is in a {initial} state and cannot transition to a PENDING state.",
        None,
    ),
    "no-state": ("ABORT", "Cannot pause flows with no state.", None),
    "not-running": ("REJECT", "Cannot pause flows that are not currently running.", None),
    "paused": (
        "REJECT",
        (
            "This run cannot transition to the StateType.PENDING state from the "
            "StateType.PAUSED state."
        ),
        None,
    ),
}

# Columns: SCHEDULED PENDING RUNNING COMPLETED FAILED CANCELLED CRASHED PAUSED CANCELLING; a dot
# means that the state is entered as it was proposed.
CORE = """
none        . . . . . . . no-state .
SCHEDULED   . . . . . . . not-running nothing-runs
PENDING     . pending . . . . . not-running .
RUNNING     . pending . . . . . . .
COMPLETED   undeployed . . . . . terminal terminal terminal
FAILED      undeployed . . . . . terminal terminal terminal
CANCELLED   undeployed pending . . . . terminal terminal terminal
CRASHED     undeployed . . . . . terminal terminal terminal
PAUSED      . paused . . . . . not-running .
CANCELLING  stop stop stop stop stop . stop stop stop
"""
CORE_DEPLOYED = CORE.replace("undeployed", ".")
FORCED = """
none        . . . . . . . . .
SCHEDULED   . . . . . . . . nothing-runs
PENDING     . . . . . . . . .
RUNNING     . . . . . . . . .
COMPLETED   . . . . . . . . .
FAILED      . . . . . . . . .
CANCELLED   . . . . . . . . .
CRASHED     . . . . . . . . .
PAUSED      . . . . . . . . .
CANCELLING  . . . . . . . . .
"""


@dataclass(frozen=True)
class Cell:
    initial: str
    proposed: str
    rule: str
    deployed: bool
    force: bool

    def __str__(self) -> str:
        force = "-forced" if self.force else ""
        deployed = "-deployed" if self.deployed else ""
        return f"{self.initial}-to-{self.proposed}{force}{deployed}"


def _cells() -> Iterator[Cell]:
    for table, deployed, force in (
        (CORE, False, False),
        (CORE_DEPLOYED, True, False),
        (FORCED, False, True),
        (FORCED, True, True),
    ):
        for line in table.strip().splitlines():
            initial, *rules = line.split()
            for proposed, rule in zip(TYPES, rules, strict=True):
                yield Cell(initial, proposed, rule, deployed, force)


CELLS = tuple(_cells())


def _run_in(runs: Runs, cell: Cell) -> Run:
    deployment_id = runs.deployment() if cell.deployed else None
    if cell.initial == NONE:
        return runs.stateless_flow_run(deployment_id=deployment_id)
    return runs.flow_run(cell.initial, deployment_id=deployment_id)


def test_every_pair_of_types_is_in_the_tables() -> None:
    assert len(CELLS) == 4 * 10 * 9


@pytest.mark.parametrize("cell", [c for c in CELLS if c.rule == "."], ids=str)
def test_a_state_is_entered_as_proposed(runs: Runs, cell: Cell) -> None:
    run = _run_in(runs, cell)

    answer = run.propose(cell.proposed, force=cell.force)

    assert (answer.code, answer.status, answer.type) == (201, "ACCEPT", cell.proposed)
    assert answer.details == {"type": "accept_details"}
    assert answer.name == cell.proposed.capitalize()
    assert run.state == answer.state


@pytest.mark.parametrize("cell", [c for c in CELLS if c.rule != "."], ids=str)
def test_a_state_is_refused_with_a_reason(runs: Runs, cell: Cell) -> None:
    run = _run_in(runs, cell)
    before = None if cell.initial == NONE else run.state
    status, reason, instead = REFUSALS[cell.rule]

    answer = run.propose(cell.proposed, force=cell.force)

    assert (answer.status, answer.reason) == (status, reason.format(initial=cell.initial))
    assert answer.details["type"] == f"{status.lower()}_details"
    if instead is None:
        assert answer.code == 200
        assert answer.state == before
    else:
        assert (answer.code, answer.type) == (201, instead)
    assert run.read()["state"] == answer.state
