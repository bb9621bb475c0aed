"""Whether this machine should be lent right now, and why: the first rule of `rules` that holds decides.

Beside what is wanted now, a decision tells when time alone may change it, and when lending will begin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from farmhand.lending import reasons
from farmhand.lending.events import Urge, Want
from farmhand.lending.facts import Facts
from farmhand.lending.observation import Observation
from farmhand.lending.rules import RULES, Rule, Says
from farmhand.lending.slots import slots_for
from farmhand.machine import Machine
from farmhand.settings import Settings
from farmhand.text import counted


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule as it stood; the fields are those of the wire's `RuleView`.

    Attributes:
        name: of the rule.
        holds: whether its condition was met.
        decided: whether it was the first that held.
        says: what it wants when it holds: "keep now", "keep" or "lend N slots".
        value: what it looked at, in words.
        change: what would make it turn the other way.
    """

    name: str
    holds: bool
    decided: bool
    says: str
    value: str
    change: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy wants, why, and until when that is sure to stay so.

    Attributes:
        want: for the lender.
        rule: name of the rule that decided.
        reason: words fit to follow "because".
        verdicts: every rule, in order.
        look_again_at: monotonic seconds at which time alone may change the decision; None if it cannot.
        lends_at: monotonic seconds at which lending starts if nothing else happens; None when no such time is known,
            and while lending is wanted.
    """

    want: Want
    rule: str
    reason: str
    verdicts: tuple[Verdict, ...]
    look_again_at: float | None
    lends_at: float | None


def decide(
    seen: Observation,
    settings: Settings,
    machine: Machine,
    now: float,
    wall: float,
    lending: bool,
    offered: int = 0,
    zone: tzinfo = UTC,
    slept: float = 0.0,
) -> Decision:
    """Apply the rules.

    Args:
        seen: what the senses and the owner say.
        settings: what the owner set.
        machine: what the machine is.
        now: monotonic seconds, on the clock of `seen.idle_since`.
        wall: Unix seconds, on the clock of `seen.choice.until`.
        lending: whether the machine is lent now; load must then be higher to take it back than it was to refuse it.
        offered: slots offered to the farm now; the number wanted stays near it.
        zone: whose time the clocks show here, for the schedule.
        slept: seconds for which the machine has slept since it started; `now` leaves them out.
    """
    facts = _warned(
        Facts(
            seen=seen,
            settings=settings,
            now=now,
            choice_ends=seen.choice.ends_at(wall - now, slept),
            slots=slots_for(settings, machine, seen.others_cpu, seen.free_memory_mib, offered, seen.memory_pressure),
            clock=wall - now,
            zone=zone,
            lending=lending,
        )
    )
    chosen = _first(facts)
    want = Want(_urge(chosen, facts), chosen.says.slots(facts) if chosen.says.lends else 0)
    return Decision(
        want=want,
        rule=chosen.name,
        reason=(chosen.reason or chosen.value)(facts),
        verdicts=tuple(_verdict(rule, rule is chosen, facts) for rule in RULES),
        look_again_at=min((at for at in facts.turns() if at > now), default=None),
        lends_at=None if want.lend else _lends_at(facts),
    )


def _first(facts: Facts) -> Rule:
    """Return the rule that decides."""
    return next(rule for rule in RULES if rule.holds(facts))


def _urge(chosen: Rule, facts: Facts) -> Urge:
    """Return what is wanted: what lets jobs finish hurries if a later rule sees the owner, and none lends before it."""
    if chosen.says is not Says.KEEP:
        return chosen.says.urge
    later = (rule for rule in RULES[RULES.index(chosen) :] if rule.says in (Says.LEND, Says.SHARE, Says.NOW))
    firm = next((rule for rule in later if rule.holds(facts)), chosen)
    return Urge.KEEP_NOW if firm.says in (Says.SHARE, Says.NOW) else Urge.KEEP


def _lends_at(facts: Facts) -> float | None:
    """Return the first turn to come at which a rule will want to lend, if nothing happens until then."""
    for at in sorted(at for at in facts.turns() if at > facts.now):
        left = facts.leaves_at is not None and at >= facts.leaves_at
        then = replace(facts, now=at, seen=replace(facts.seen, in_use=False) if left else facts.seen)
        if _first(_warned(replace(then, about_to_lend=False, lending=False))).says.lends:
            return at
    return None


def _warned(facts: Facts) -> Facts:
    """Return the facts with the warning, where lending would begin without one."""
    return replace(facts, about_to_lend=True) if facts.must_warn and _first(facts).says.lends else facts


def _verdict(rule: Rule, decided: bool, facts: Facts) -> Verdict:
    """Write a rule down for the owner."""
    holds = rule.holds(facts)
    says = rule.says.value.format(counted(rule.says.slots(facts), "slot"))
    change = (rule.ends if holds else rule.begins).format(
        limit=f"{facts.busy_limit:.0%}",
        disk=f"{facts.disk_limit:.0%}",
        rest=reasons.rest(facts),
        dwell=reasons.span(facts.settings.dwell),
    )
    return Verdict(rule.name, holds, decided, says, rule.value(facts), change)
