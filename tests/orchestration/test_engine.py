"""How rules work together: in which order they are asked, and what each is told at the end."""

from __future__ import annotations

from typing import cast

import pytest

from ephemeral_server.database.transaction import Transaction
from ephemeral_server.orchestration.engine import evaluate
from ephemeral_server.orchestration.run import Run
from ephemeral_server.orchestration.states import State
from ephemeral_server.orchestration.transition import ANY, Rule, Step, Transition, Types
from ephemeral_server.settings import Settings


class Trial:
    """A change from PENDING to RUNNING, and what happened on its way."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        # The engine only hands these on to rules; the rules here do not look at them.
        tx, run = cast(Transaction, None), Run({"id": "r"})
        self.transition = Transition(
            tx, Settings(), run, State("PENDING", "Pending", 1), State("RUNNING", "Running", 2)
        )

    def rule(
        self,
        name: str,
        before: Step | None = None,
        *,
        from_types: Types = ANY,
        to_types: Types = ANY,
        universal: bool = False,
    ) -> Rule:
        """A rule that notes when it is asked, and then does `before`."""

        def asked(t: Transition) -> None:
            self.journal.append(name)
            if before is not None:
                before(t)

        return Rule(
            asked,
            from_types,
            to_types,
            after=self.note(f"after {name}"),
            cleanup=self.note(f"cleanup {name}"),
            universal=universal,
        )

    def note(self, entry: str) -> Step:
        return lambda t: self.journal.append(entry)

    def run(self, *rules: Rule) -> list[str]:
        """What happened, in order."""
        evaluate(
            self.transition,
            rules,
            (self.note("effect"),),
            self.note("write"),
            (self.note("afterwards"),),
        )
        return self.journal


@pytest.fixture
def trial() -> Trial:
    return Trial()


def fail(t: Transition) -> None:
    t.reject(State("FAILED", "Failed", 2), "no")


def stay(t: Transition) -> None:
    t.reject(None, "no")


def rename(t: Transition) -> None:
    assert t.proposed is not None
    t.proposed.name = "Rerunning"


def break_down(t: Transition) -> None:
    raise ZeroDivisionError


def test_rules_are_left_in_the_reverse_order_after_the_state_is_written(trial: Trial) -> None:
    assert trial.run(trial.rule("a"), trial.rule("b")) == [
        *("a", "b"),
        *("effect", "write", "afterwards"),
        *("after b", "after a"),
    ]
    assert trial.transition.status == "ACCEPT"


def test_a_rule_is_asked_only_about_its_types(trial: Trial) -> None:
    fits = trial.rule("fits", from_types=frozenset({"PENDING"}), to_types=frozenset({"RUNNING"}))
    other_from = trial.rule("other from", from_types=frozenset({"PAUSED"}))
    other_to = trial.rule("other to", to_types=frozenset({"PAUSED"}))

    journal = trial.run(other_from, fits, other_to)

    assert journal == ["fits", "effect", "write", "afterwards", "after fits"]


def test_a_rule_that_changes_the_type_silences_those_after_it(trial: Trial) -> None:
    journal = trial.run(trial.rule("a"), trial.rule("b", fail), trial.rule("c"))

    # What `b` made is written; `a` is told that another decided.
    assert journal == ["a", "b", "effect", "write", "afterwards", "after b", "cleanup a"]
    assert trial.transition.pair == ("PENDING", "FAILED")


def test_rules_for_the_new_type_are_not_asked(trial: Trial) -> None:
    late = trial.rule("late", to_types=frozenset({"FAILED"}))

    assert "late" not in trial.run(trial.rule("a", fail), late)


def test_a_rule_that_takes_the_proposal_back_leaves_nothing_to_write(trial: Trial) -> None:
    journal = trial.run(trial.rule("a"), trial.rule("b", stay), trial.rule("c"))

    assert journal == ["a", "b", "after b", "cleanup a"]
    assert trial.transition.pair == ("PENDING", None)


def test_a_rule_that_made_a_type_it_is_not_about_is_told_to_clean_up(trial: Trial) -> None:
    only_running = trial.rule("a", fail, to_types=frozenset({"RUNNING"}))

    assert trial.run(only_running)[-1] == "cleanup a"


def test_a_new_name_silences_nobody(trial: Trial) -> None:
    journal = trial.run(trial.rule("a", rename), trial.rule("b"))

    assert journal[:2] == ["a", "b"]
    assert journal[-2:] == ["after b", "after a"]


@pytest.mark.parametrize("decide", [fail, stay])
def test_a_universal_rule_takes_part_whatever_others_decide(trial: Trial, decide: Step) -> None:
    first, last = trial.rule("first", universal=True), trial.rule("last", universal=True)

    journal = trial.run(first, trial.rule("a", decide), last)

    assert [entry for entry in journal if entry.endswith(("first", "last"))] == [
        "first",
        "last",
        "after last",
        "after first",
    ]


def test_an_error_in_a_rule_ends_everything(trial: Trial) -> None:
    with pytest.raises(ZeroDivisionError):
        trial.run(trial.rule("a"), trial.rule("b", break_down), trial.rule("c"))

    assert trial.journal == ["a", "b"]


def test_the_last_decision_is_answered(trial: Trial) -> None:
    trial.run(trial.rule("a", universal=True, before=stay), trial.rule("b", fail, universal=True))

    assert trial.transition.status == "REJECT"
    assert trial.transition.details == {"type": "reject_details", "reason": "no"}
    assert trial.transition.is_written
