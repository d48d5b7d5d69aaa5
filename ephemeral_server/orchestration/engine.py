"""Takes a transition through its rules and the effects every transition has."""

from __future__ import annotations

from collections.abc import Sequence

from ephemeral_server.orchestration.transition import Pair, Policy, Rule, Step, Transition


def evaluate(
    transition: Transition,
    policy: Policy,
    effects: Sequence[Step],
    write: Step,
    afterwards: Sequence[Step] = (),
) -> None:
    """Decide about a transition and carry it out.

    Rules are entered in order. One runs only while the pair of types still is the one that
    was proposed, so the first rule that changes the type or takes the proposal back silences
    those after it. After the state is written, rules are left in the reverse order.

    Args:
        policy: the rules; those that apply are chosen once, by the pair proposed.
        effects: what entering any state does to a run; skipped if no proposal is left.
        write: stores the state; skipped likewise.
        afterwards: what entering any state does once it is written; skipped likewise.
    """
    original = transition.pair
    entered: list[tuple[Rule, Pair]] = []
    for rule in policy:
        if not rule.applies(original):
            continue
        if rule.universal or transition.pair == original:
            if rule.before is not None:
                rule.before(transition)
            entered.append((rule, transition.pair))
    if transition.is_written:
        for effect in effects:
            effect(transition)
        write(transition)
        for step in afterwards:
            step(transition)
    for rule, made in reversed(entered):
        step_out = _way_out(rule, original, made, transition.pair)
        if step_out is not None:
            step_out(transition)


def _way_out(rule: Rule, original: Pair, made: Pair, final: Pair) -> Step | None:
    """What a rule does when it is left: `made` is the pair as the rule left it on entry."""
    if rule.universal or final == original:
        return rule.after
    made_by_rule = made != original and final == made and final[1] in rule.to_types
    return rule.after if made_by_rule else rule.cleanup
