"""Whether this machine should be lent right now, and why: named rules in order, the first that holds decides.

1. What makes lending impossible or was forbidden by hand comes first, then what was allowed by hand, then what the
   senses say. So the owner's "keep" beats everything but a missing sandbox, which keeps the machine as well.
2. The last rule always holds and keeps the machine: what no rule allows is not done.
3. Not knowing whether the owner is there, or how busy the machine is, is a reason not to lend. Sleep, battery, network
   and films are obstacles only where they are seen: most machines have nothing that could tell of them.
4. A lock or a screensaver counts as leaving, a few seconds after the owner's hands have come to rest. A touch after
   that is the owner's return, whatever the screensaver says: a lock dialog shows for as long as the password takes.
5. The names are for the owner, who reads them in `farmhand why`, in the order in which they were asked.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from farmhand.lending import reasons
from farmhand.lending.events import Urge, Want
from farmhand.lending.facts import Facts
from farmhand.lending.observation import Observation, Wish
from farmhand.lending.slots import slots_for
from farmhand.machine import Machine
from farmhand.settings import Settings

BUSY_MARGIN = 0.3
"""A lent machine is taken back for load only above `busy_above` and this share of what is left over it."""


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
    """
    facts = _warned(
        Facts(
            seen=seen,
            settings=settings,
            now=now,
            choice_ends=None if seen.choice.until is None else now + seen.choice.until - wall,
            slots=slots_for(settings, machine, seen.others_cpu, seen.free_memory_mib, offered, seen.memory_pressure),
            busy_limit=settings.busy_above + (1 - settings.busy_above) * BUSY_MARGIN * lending,
            clock=wall - now,
            zone=zone,
            lending=lending,
        )
    )
    chosen = _first(facts)
    want = Want(_urge(chosen, facts), facts.slots if chosen.says is _Says.LEND else 0)
    return Decision(
        want=want,
        rule=chosen.name,
        reason=(chosen.reason or chosen.value)(facts),
        verdicts=tuple(_verdict(rule, rule is chosen, facts) for rule in RULES),
        look_again_at=min((at for at in facts.turns() if at > now), default=None),
        lends_at=None if want.lend else _lends_at(facts),
    )


class _Says(enum.Enum):
    """What a rule may want."""

    LEND = "lend {}"
    HOLD = "hold"
    KEEP = "keep"
    NOW = "keep now"

    @property
    def urge(self) -> Urge:
        """The same, for the lender."""
        return _URGES[self]


_URGES = {_Says.LEND: Urge.LEND, _Says.HOLD: Urge.HOLD, _Says.KEEP: Urge.KEEP, _Says.NOW: Urge.KEEP_NOW}


@dataclass(frozen=True, slots=True)
class _Rule:
    """A condition with a name, what follows from it, and the words for both.

    Attributes:
        value: what it looks at.
        ends: what would end it when it holds; {limit}, {rest} and {dwell} stand for the load limit, the rest and the
            calm needed.
        begins: what would make it hold when it does not.
        reason: words fit to follow "because"; None where `value` says it all.
    """

    name: str
    says: _Says
    holds: Callable[[Facts], bool]
    value: Callable[[Facts], str]
    ends: str
    begins: str = ""
    reason: Callable[[Facts], str] | None = None


def _first(facts: Facts) -> _Rule:
    """Return the rule that decides."""
    return next(rule for rule in RULES if rule.holds(facts))


def _urge(chosen: _Rule, facts: Facts) -> Urge:
    """Return what is wanted: what lets jobs finish hurries if a later rule does, and none that lends is between."""
    if chosen.says is not _Says.KEEP:
        return chosen.says.urge
    later = (rule for rule in RULES[RULES.index(chosen) :] if rule.says in (_Says.LEND, _Says.NOW))
    firm = next((rule for rule in later if rule.holds(facts)), chosen)
    return Urge.KEEP_NOW if firm.says is _Says.NOW else Urge.KEEP


def _lends_at(facts: Facts) -> float | None:
    """Return the first turn to come at which a rule will want to lend, if nothing happens until then."""
    for at in sorted(at for at in facts.turns() if at > facts.now):
        left = facts.leaves_at is not None and at >= facts.leaves_at
        then = replace(facts, now=at, seen=replace(facts.seen, in_use=False) if left else facts.seen)
        if _first(_warned(replace(then, about_to_lend=False, lending=False))).says is _Says.LEND:
            return at
    return None


def _warned(facts: Facts) -> Facts:
    """Return the facts with the warning, where lending would begin without one."""
    return replace(facts, about_to_lend=True) if facts.must_warn and _first(facts).says is _Says.LEND else facts


def _verdict(rule: _Rule, decided: bool, facts: Facts) -> Verdict:
    """Write a rule down for the owner."""
    holds = rule.holds(facts)
    says = rule.says.value.format("1 slot" if facts.slots == 1 else f"{facts.slots} slots")
    change = (rule.ends if holds else rule.begins).format(
        limit=f"{facts.busy_limit:.0%}", rest=reasons.rest(facts), dwell=reasons.span(facts.settings.dwell)
    )
    return Verdict(rule.name, holds, decided, says, rule.value(facts), change)


# --- the rules ----------------------------------------------------------------
IN_USE = "in use"

RULES = (
    _Rule(
        "going to sleep",
        _Says.NOW,
        lambda facts: facts.seen.sleeping is True,
        reasons.sleep,
        ends="waking up",
        begins="going to sleep",
    ),
    _Rule(
        "no sandbox",
        _Says.NOW,
        lambda facts: facts.seen.sandbox != "",
        reasons.sandbox,
        ends="a working sandbox",
        begins="losing the sandbox",
    ),
    _Rule(
        "your choice: keep",
        _Says.NOW,
        lambda facts: facts.wish is Wish.KEEP,
        reasons.wish,
        ends="choosing auto or lend",
        begins="choosing keep",
    ),
    _Rule(
        "no room in memory",
        _Says.KEEP,
        lambda facts: facts.slots == 0,
        reasons.memory,
        ends="more free memory, or a lower memory_per_job",
        begins="less free memory",
    ),
    _Rule(
        "your choice: lend",
        _Says.LEND,
        lambda facts: facts.wish is Wish.LEND,
        reasons.wish,
        ends="choosing auto or keep",
        begins="choosing lend",
    ),
    _Rule(
        "never by setting",
        _Says.KEEP,
        lambda facts: facts.settings.lend == "never",
        reasons.setting,
        ends="lend = auto",
        begins="lend = never",
    ),
    _Rule(
        "exclusive program",
        _Says.NOW,
        lambda facts: bool(facts.settings.exclusive) and facts.seen.exclusive != "",
        reasons.exclusive,
        ends="ending that program",
        begins="starting a program that the setting exclusive names",
    ),
    _Rule(
        "on battery",
        _Says.KEEP,
        lambda facts: facts.settings.on_battery == "never" and facts.seen.on_battery is True,
        reasons.power,
        ends="plugging in, or on_battery = always",
        begins="unplugging, unless on_battery = always",
    ),
    _Rule(
        "metered network",
        _Says.KEEP,
        lambda facts: facts.settings.metered == "never" and facts.seen.metered is True,
        reasons.network,
        ends="another network, or metered = always",
        begins="a metered network, unless metered = always",
    ),
    _Rule(
        "about to lend",
        _Says.KEEP,
        lambda facts: facts.about_to_lend,
        reasons.warning,
        ends="letting the time pass, or choosing lend or auto",
        begins="a choice to keep that runs out while you may be there",
    ),
    _Rule(
        "always by setting",
        _Says.LEND,
        lambda facts: facts.settings.lend == "always",
        reasons.setting,
        ends="lend = auto",
        begins="lend = always",
    ),
    _Rule(
        "nobody can tell",
        _Says.NOW,
        lambda facts: facts.in_use is None,
        reasons.hands,
        ends="a source for keyboard and mouse",
        begins="losing the source for keyboard and mouse",
    ),
    _Rule(
        "a single touch",
        _Says.HOLD,
        lambda facts: facts.may_be_a_nudge,
        reasons.touch,
        ends="more input, or none for 3 s",
        begins="one touch after an absence, with on_return = hold",
    ),
    _Rule(
        IN_USE,
        _Says.NOW,
        lambda facts: facts.is_present,
        reasons.hands,
        ends="leaving keyboard and mouse alone",
        begins="touching keyboard or mouse",
    ),
    _Rule(
        "outside your hours",
        _Says.KEEP,
        lambda facts: not facts.is_within_hours,
        reasons.hours,
        ends="the next hours of the schedule",
        begins="the end of the hours of the schedule",
    ),
    _Rule(
        "presenting",
        _Says.KEEP,
        lambda facts: facts.settings.presenting == "never" and facts.is_presenting,
        reasons.presenting,
        ends="leaving the full screen, or presenting = always",
        begins="a film or a talk, unless presenting = always",
    ),
    _Rule(
        "busy with your work",
        _Says.KEEP,
        lambda facts: facts.is_busy,
        reasons.load,
        ends="a load of at most {limit}",
        begins="a load above {limit}",
    ),
    _Rule(
        "busy until now",
        _Says.KEEP,
        lambda facts: facts.was_busy,
        reasons.calm,
        ends="a low load for {dwell}",
        begins="a load above {limit}",
    ),
    _Rule(
        "screen locked",
        _Says.LEND,
        lambda facts: facts.behind_screensaver,
        reasons.screensaver,
        ends="touching keyboard or mouse",
        begins="locking the screen and leaving",
    ),
    _Rule(
        "idle",
        _Says.LEND,
        lambda facts: facts.in_use is False,
        reasons.hands,
        ends="touching keyboard or mouse",
        begins="{rest}",
        reason=lambda facts: f"there was {reasons.rest(facts)}",
    ),
    _Rule(
        "not idle long enough",
        _Says.KEEP,
        lambda _: True,
        reasons.hands,
        ends="{rest}, or locking the screen and leaving",
        reason=lambda facts: f"{reasons.hands(facts)}, not yet {reasons.span(facts.settings.idle_after)}",
    ),
)
"""In order; the first that holds decides."""
