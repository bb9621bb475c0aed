"""Whether this machine should be lent right now, and why: named rules in order, the first that holds decides.

1. What makes lending impossible or was forbidden by hand comes first, then what was allowed by hand, then what the
   senses say. So the owner's "keep" beats everything but a missing sandbox, which keeps the machine as well.
2. The last rule always holds and keeps the machine: what no rule allows is not done.
3. Not knowing is never a reason to lend.
4. A lock or a screensaver counts as leaving, a few seconds after the owner's hands have come to rest. A touch after
   that is the owner's return, whatever the screensaver says: a lock dialog shows for as long as the password takes.
5. The names are for the owner, who reads them in `farmhand why`, in the order in which they were asked.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace

from farmhand.lending.events import Want
from farmhand.lending.observation import Choice, Observation, Wish
from farmhand.lending.slots import slots_for
from farmhand.machine import Machine
from farmhand.settings import Settings

FRESH = 10.0
"""Seconds after the last input for which the owner counts as present rather than as resting."""

LOCK_GESTURE = 2.0
"""Seconds after the screensaver came in which input still belongs to the act of locking: a key going up, a nudge."""

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
    """
    facts = _Facts(
        seen=seen,
        settings=settings,
        now=now,
        choice_ends=None if seen.choice.until is None else now + seen.choice.until - wall,
        slots=slots_for(settings, machine, seen.others_cpu, seen.free_memory_mib, offered),
        busy_limit=settings.busy_above + (1 - settings.busy_above) * BUSY_MARGIN * lending,
    )
    chosen = next(rule for rule in RULES if rule.holds(facts))
    want = Want(lend=True, slots=facts.slots) if chosen.says is _Says.LEND else Want(False, 0, chosen.says is _Says.NOW)
    return Decision(
        want=want,
        rule=chosen.name,
        reason=(chosen.reason or chosen.value)(facts),
        verdicts=tuple(_verdict(rule, rule is chosen, facts) for rule in RULES),
        look_again_at=min((at for at in facts.turns() if at > now), default=None),
        lends_at=None if want.lend else _lends_at(chosen, facts, machine, wall, lending),
    )


class _Says(enum.Enum):
    """What a rule may want."""

    LEND = "lend {}"
    KEEP = "keep"
    NOW = "keep now"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the rules look at: the observation and what follows from it.

    Attributes:
        choice_ends: monotonic seconds; None: never.
        slots: that could be offered.
        busy_limit: share of all cores above which the others forbid lending.
    """

    seen: Observation
    settings: Settings
    now: float
    choice_ends: float | None
    slots: int
    busy_limit: float

    @property
    def wish(self) -> Wish:
        """The owner's choice, while it lasts."""
        over = self.choice_ends is not None and self.choice_ends <= self.now
        return Wish.AUTO if over else self.seen.choice.wish

    @property
    def idle_for(self) -> float | None:
        """Seconds since the last input; None while there is input, and when unknown."""
        return None if self.seen.idle_since is None else max(0.0, self.now - self.seen.idle_since)

    @property
    def behind_screensaver(self) -> bool:
        """Whether the owner has left the screensaver behind and not touched anything since."""
        since, last = self.seen.screensaver_since, self.seen.idle_since
        return self.seen.screensaver is True and since is not None and last is not None and last <= since + LOCK_GESTURE

    def turns(self) -> tuple[float, ...]:
        """Monotonic seconds at which a rule may turn without anything happening."""
        ends = () if self.choice_ends is None else (self.choice_ends,)
        if self.seen.idle_since is None or not self.seen.in_use:
            return ends
        return (*ends, self.seen.idle_since + FRESH, self.seen.idle_since + self.settings.idle_after)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A condition with a name, what follows from it, and the words for both.

    Attributes:
        value: what it looks at.
        ends: what would end it when it holds; {limit} and {rest} stand for the load limit and the rest needed.
        begins: what would make it hold when it does not.
        reason: words fit to follow "because"; None where `value` says it all.
    """

    name: str
    says: _Says
    holds: Callable[[_Facts], bool]
    value: Callable[[_Facts], str]
    ends: str
    begins: str = ""
    reason: Callable[[_Facts], str] | None = None


def _lends_at(chosen: _Rule, facts: _Facts, machine: Machine, wall: float, lending: bool) -> float | None:
    """When lending starts by itself: once a choice ends, or once the input has rested long enough."""
    if chosen.name == KEEP_CHOSEN and facts.choice_ends is not None:
        free = replace(facts.seen, choice=Choice())
        then = decide(free, facts.settings, machine, facts.now, wall, lending)
        soonest = facts.now if then.want.lend else then.lends_at
        return None if soonest is None else max(soonest, facts.choice_ends)
    if facts.seen.idle_since is None or not facts.seen.in_use or chosen.name not in (IN_USE, NOT_LONG_ENOUGH):
        return None
    rested = facts.seen.idle_since + facts.settings.idle_after
    return rested if rested > facts.now and not _is_busy(facts) else None


def _verdict(rule: _Rule, decided: bool, facts: _Facts) -> Verdict:
    """Write a rule down for the owner."""
    holds = rule.holds(facts)
    says = rule.says.value.format("1 slot" if facts.slots == 1 else f"{facts.slots} slots")
    change = (rule.ends if holds else rule.begins).format(limit=f"{facts.busy_limit:.0%}", rest=_rest(facts))
    return Verdict(rule.name, holds, decided, says, rule.value(facts), change)


# --- conditions ---------------------------------------------------------------
def _is_present(facts: _Facts) -> bool:
    fresh = facts.idle_for is None or facts.idle_for < min(FRESH, facts.settings.idle_after)
    return facts.seen.in_use is True and fresh and not facts.behind_screensaver


def _is_busy(facts: _Facts) -> bool:
    return facts.seen.others_cpu is None or facts.seen.others_cpu > facts.busy_limit


# --- words --------------------------------------------------------------------
def _span(seconds: float) -> str:
    """Write a duration as a person says it; from two minutes on in minutes, from two hours on in hours."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h"


def _sandbox(facts: _Facts) -> str:
    if facts.seen.sandbox is None:
        return "the sandbox has not been tried yet"
    return f"no sandbox works here: {facts.seen.sandbox}" if facts.seen.sandbox else "the sandbox works"


def _wish(facts: _Facts) -> str:
    if facts.choice_ends is None or facts.wish is Wish.AUTO:
        return f"you chose {facts.wish.value}"
    return f"you chose {facts.wish.value} for another {_span(facts.choice_ends - facts.now)}"


def _memory(facts: _Facts) -> str:
    free, each = facts.seen.free_memory_mib, facts.settings.memory_per_job
    return (
        "nothing tells how much memory is free" if free is None else f"{free} MiB are free and a job needs {each} MiB"
    )


def _setting(facts: _Facts) -> str:
    return f"the setting lend is {facts.settings.lend}"


def _input(facts: _Facts) -> str:
    if facts.seen.in_use is None:
        return "nothing can tell whether you are there"
    if facts.idle_for is None:
        return "you are using keyboard or mouse" if facts.seen.in_use else "keyboard and mouse rest"
    return f"you touched keyboard or mouse {_span(facts.idle_for)} ago"


def _load(facts: _Facts) -> str:
    if facts.seen.others_cpu is None:
        return "nothing tells yet how busy the machine is"
    return f"your programs use {facts.seen.others_cpu:.0%} of the machine, the limit is {facts.busy_limit:.0%}"


def _screensaver(facts: _Facts) -> str:
    if facts.seen.screensaver is None:
        return "no screensaver answers"
    if not facts.seen.screensaver:
        return "the screen is neither blanked nor locked"
    return "the screen is blanked or locked" + ("" if facts.behind_screensaver else ", and there was input since")


def _rest(facts: _Facts) -> str:
    return f"no input for {_span(facts.settings.idle_after)}"


# --- the rules ----------------------------------------------------------------
KEEP_CHOSEN, IN_USE, NOT_LONG_ENOUGH = "your choice: keep", "in use", "not idle long enough"

RULES = (
    _Rule(
        "no sandbox",
        _Says.NOW,
        lambda facts: facts.seen.sandbox != "",
        _sandbox,
        ends="a working sandbox",
        begins="losing the sandbox",
    ),
    _Rule(
        KEEP_CHOSEN,
        _Says.NOW,
        lambda facts: facts.wish is Wish.KEEP,
        _wish,
        ends="choosing auto or lend",
        begins="choosing keep",
    ),
    _Rule(
        "no room in memory",
        _Says.KEEP,
        lambda facts: facts.slots == 0,
        _memory,
        ends="more free memory, or a lower memory_per_job",
        begins="less free memory",
    ),
    _Rule(
        "your choice: lend",
        _Says.LEND,
        lambda facts: facts.wish is Wish.LEND,
        _wish,
        ends="choosing auto or keep",
        begins="choosing lend",
    ),
    _Rule(
        "never by setting",
        _Says.KEEP,
        lambda facts: facts.settings.lend == "never",
        _setting,
        ends="lend = auto",
        begins="lend = never",
    ),
    _Rule(
        "always by setting",
        _Says.LEND,
        lambda facts: facts.settings.lend == "always",
        _setting,
        ends="lend = auto",
        begins="lend = always",
    ),
    _Rule(
        "nobody can tell",
        _Says.NOW,
        lambda facts: facts.seen.in_use is None,
        _input,
        ends="a source for keyboard and mouse",
        begins="losing the source for keyboard and mouse",
    ),
    _Rule(
        IN_USE,
        _Says.NOW,
        _is_present,
        _input,
        ends="leaving keyboard and mouse alone",
        begins="touching keyboard or mouse",
    ),
    _Rule(
        "busy with your work",
        _Says.KEEP,
        _is_busy,
        _load,
        ends="a load of at most {limit}",
        begins="a load above {limit}",
    ),
    _Rule(
        "screen locked",
        _Says.LEND,
        lambda facts: facts.behind_screensaver,
        _screensaver,
        ends="touching keyboard or mouse",
        begins="locking the screen and leaving",
    ),
    _Rule(
        "idle",
        _Says.LEND,
        lambda facts: facts.seen.in_use is False,
        _input,
        ends="touching keyboard or mouse",
        begins="{rest}",
        reason=lambda facts: f"there was {_rest(facts)}",
    ),
    _Rule(
        NOT_LONG_ENOUGH,
        _Says.KEEP,
        lambda _: True,
        _input,
        ends="{rest}, or locking the screen and leaving",
        reason=lambda facts: f"{_input(facts)}, not yet {_span(facts.settings.idle_after)}",
    ),
)
"""In order; the first that holds decides."""
