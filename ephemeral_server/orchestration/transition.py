"""A proposed change of state on its way through the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.orchestration.client import Client, the_server
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import ALL_TYPES, State
from ephemeral_server.settings import Settings

Status = Literal["ACCEPT", "REJECT", "ABORT", "WAIT"]
Types = frozenset[str | None]

#: Every state type, and none at all (a run before its first state; a proposal taken back).
ANY: Types = ALL_TYPES | {None}
#: Type of the state a run is in, and of the one proposed.
Pair = tuple[str | None, str | None]


@dataclass(slots=True)
class Transition:
    """What rules look at and act on.

    Attributes:
        initial: the state the run is in; None before its first.
        proposed: the state to be entered; None once a rule took it back.
        status: what the client will be answered.
        details: the members of that answer's ``details``.
        asked_by: tells who proposes the state; most rules do not care.
        lease: of the slots that a rule took for this transition.
    """

    tx: Transaction
    settings: Settings
    run: Run
    initial: State | None
    proposed: State | None
    status: Status = "ACCEPT"
    details: dict[str, Any] = field(default_factory=lambda: {"type": "accept_details"})
    asked_by: Callable[[], Client] = the_server
    lease: str | None = None

    @property
    def client(self) -> Client:
        """Who proposes the state."""
        return self.asked_by()

    @property
    def pair(self) -> Pair:
        return (
            self.initial.type if self.initial else None,
            self.proposed.type if self.proposed else None,
        )

    @property
    def is_written(self) -> bool:
        """Whether a state was entered."""
        return self.proposed is not None

    def now(self) -> int:
        return self.tx.now()

    def reject(self, instead: State | None, reason: str) -> None:
        """Enter the state `instead`, or stay in the present one if it is None."""
        self.proposed = instead
        self.status = "REJECT"
        self.details = {"type": "reject_details", "reason": reason}

    def abort(self, reason: str) -> None:
        """Enter no state; the client is to stop working on the run."""
        self.proposed = None
        self.status = "ABORT"
        self.details = {"type": "abort_details", "reason": reason}

    def wait(self, seconds: int, reason: str) -> None:
        """Enter no state; the client is to ask again in `seconds`."""
        self.proposed = None
        self.status = "WAIT"
        self.details = {"type": "wait_details", "delay_seconds": seconds, "reason": reason}


def both(t: Transition) -> tuple[State, State]:
    """The initial and the proposed state, for rules that apply only where there are both."""
    assert t.initial is not None
    assert t.proposed is not None
    return t.initial, t.proposed


Step = Callable[[Transition], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: when it applies, and what it does.

    Args:
        before: may accept, rewrite, reject, delay or abort the proposal.
        from_types, to_types: the pairs it applies to.
        after: once the state is written, if no other rule changed the pair meanwhile.
        cleanup: undoes `before` where another rule changed the pair.
        universal: takes part whatever other rules did to the proposal.
    """

    before: Step | None
    from_types: Types = ANY
    to_types: Types = ANY
    after: Step | None = None
    cleanup: Step | None = None
    universal: bool = False

    def applies(self, pair: Pair) -> bool:
        return pair[0] in self.from_types and pair[1] in self.to_types


Policy = tuple[Rule, ...]
