"""What follows when each type of state is proposed to a task run in each type of state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest

from tests.orchestration.runs import TYPES, Run, Runs

NONE = "none"

# Columns: SCHEDULED PENDING RUNNING COMPLETED FAILED CANCELLED CRASHED PAUSED CANCELLING; a dot
# means that the state is entered as it was proposed.
CORE = """
none        . . . . . . . . .
SCHEDULED   . . . . . . . . .
PENDING     . . . . . . . . .
RUNNING     . . rerun . . . . . .
COMPLETED   . . . . . . terminal terminal terminal
FAILED      . . . . . . terminal terminal terminal
CANCELLED   . . . . . . terminal terminal terminal
CRASHED     . . . . . . terminal terminal terminal
PAUSED      . . . . . . . . .
CANCELLING  . . . . . . . . .
"""
BACKGROUND = """
none        . . . . . . . . .
SCHEDULED   . . . . . . . . .
PENDING     . pending . . . . . . .
RUNNING     . pending rerun . . . . . .
COMPLETED   . . . . . . terminal terminal terminal
FAILED      . . . . . . terminal terminal terminal
CANCELLED   . pending . . . . terminal terminal terminal
CRASHED     . . . . . . terminal terminal terminal
PAUSED      . . . . . . . . .
CANCELLING  . pending . . . . . . .
"""

REASONS = {
    "terminal": "Run is already {initial}.",
    "pending": "This run is in a {initial} state and cannot transition to a PENDING state.",
}


@dataclass(frozen=True)
class Cell:
    policy: Literal["core", "background", "forced"]
    initial: str
    proposed: str
    rule: str

    def __str__(self) -> str:
        return f"{self.policy}-{self.initial}-to-{self.proposed}"


def _cells() -> Iterator[Cell]:
    for policy, table in (("core", CORE), ("background", BACKGROUND)):
        for line in table.strip().splitlines():
            initial, *rules = line.split()
            for proposed, rule in zip(TYPES, rules, strict=True):
                yield Cell(policy, initial, proposed, rule)  # type: ignore[arg-type]
    for initial in (NONE, *TYPES):
        for proposed in TYPES:
            yield Cell("forced", initial, proposed, ".")


CELLS = tuple(_cells())


def _run_in(runs: Runs, cell: Cell) -> Run:
    if cell.initial == NONE:
        return runs.stateless_task_run()
    return runs.task_run(cell.initial)


def test_every_pair_of_types_is_in_the_tables() -> None:
    assert len(CELLS) == 3 * 10 * 9


@pytest.mark.parametrize("cell", [c for c in CELLS if c.rule in (".", "rerun")], ids=str)
def test_a_state_is_entered_as_proposed(runs: Runs, cell: Cell) -> None:
    run = _run_in(runs, cell)
    deferred = True if cell.policy == "background" else None

    answer = run.propose(cell.proposed, force=cell.policy == "forced", deferred=deferred)

    assert (answer.code, answer.status, answer.type) == (201, "ACCEPT", cell.proposed)
    assert answer.details == {"type": "accept_details"}
    assert answer.name == ("Rerunning" if cell.rule == "rerun" else cell.proposed.capitalize())
    assert run.state == answer.state


@pytest.mark.parametrize("cell", [c for c in CELLS if c.rule in REASONS], ids=str)
def test_the_transition_is_aborted(runs: Runs, cell: Cell) -> None:
    run = _run_in(runs, cell)
    before = run.state
    deferred = True if cell.policy == "background" else None

    answer = run.propose(cell.proposed, deferred=deferred)

    assert (answer.code, answer.status) == (200, "ABORT")
    reason = REASONS[cell.rule].format(initial=cell.initial)
    assert answer.details == {"type": "abort_details", "reason": reason}
    assert answer.state == before
    assert run.state == before
