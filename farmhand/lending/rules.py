"""The rules, in the order in which they are asked; the first that holds decides. Their words are the owner's.

1. What makes lending impossible or was forbidden by hand comes first, then what was allowed by hand, then what the
   senses say. So the owner's "keep" beats everything but a missing sandbox, which keeps the machine as well.
2. The last rule always holds and keeps the machine: what no rule allows is not done.
3. Not knowing whether the owner is there counts as being there, and not knowing how busy the machine is as busy. Sleep,
   battery, network, films and builds are obstacles only where they are seen: most machines have nothing to tell.
4. A lock or a screensaver counts as leaving, a few seconds after the owner's hands have come to rest. A touch after
   that is the owner's return, whatever the screensaver says: a lock dialog shows for as long as the password takes.
5. Who lends a part of the machine while working on it (`slots_in_use`) has the rules for presence replaced by one late
   rule: whatever else keeps the machine comes first, and then, with the owner there, keeps it at once.
6. An agent that ends lends nothing. Without hurry it lets running jobs finish, and as under every rule that keeps the
   machine so, not if a later rule sees the owner.
7. The names are for the owner, who reads them in `farmhand why`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from farmhand.lending import reasons
from farmhand.lending.events import Urge
from farmhand.lending.facts import Facts
from farmhand.lending.observation import Ending, Wish


class Says(enum.Enum):
    """What a rule may want."""

    LEND = "lend {}"
    SHARE = "lend only {}"
    HOLD = "hold"
    KEEP = "keep"
    NOW = "keep now"

    @property
    def urge(self) -> Urge:
        """The same, for the lender."""
        return _URGES[self]

    @property
    def lends(self) -> bool:
        """Whether the farm gets anything."""
        return self.urge in (Urge.LEND, Urge.SHARE)

    def slots(self, facts: Facts) -> int:
        """How many slots that are; of a rule that lends."""
        return facts.shared_slots if self is Says.SHARE else facts.slots


_URGES = {
    Says.LEND: Urge.LEND,
    Says.SHARE: Urge.SHARE,
    Says.HOLD: Urge.HOLD,
    Says.KEEP: Urge.KEEP,
    Says.NOW: Urge.KEEP_NOW,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition with a name, what follows from it, and the words for both.

    Attributes:
        value: what it looks at.
        ends: what would end it when it holds; {limit}, {disk}, {rest} and {dwell} stand for the limits of load and
            disk, the rest and the calm needed.
        begins: what would make it hold when it does not.
        reason: words fit to follow "because"; None where `value` says it all.
    """

    name: str
    says: Says
    holds: Callable[[Facts], bool]
    value: Callable[[Facts], str]
    ends: str
    begins: str = ""
    reason: Callable[[Facts], str] | None = None


IN_USE = "in use"
SHARED = "while you work"
NOT_YET = "not idle long enough"

RULES = (
    Rule(
        "ending at once",
        Says.NOW,
        lambda facts: facts.seen.ending is Ending.AT_ONCE,
        reasons.ending,
        ends="starting the agent again",
        begins="Ctrl-C where the agent runs, or telling it twice to end",
    ),
    Rule(
        "shutting down",
        Says.NOW,
        lambda facts: facts.seen.shutting_down is True,
        reasons.shutdown,
        ends="calling the shutdown off",
        begins="shutting this machine down",
    ),
    Rule(
        "going to sleep",
        Says.NOW,
        lambda facts: facts.seen.sleeping is True,
        reasons.sleep,
        ends="waking up",
        begins="going to sleep",
    ),
    Rule(
        "no sandbox",
        Says.NOW,
        lambda facts: facts.seen.sandbox != "",
        reasons.sandbox,
        ends="a working sandbox",
        begins="losing the sandbox",
    ),
    Rule(
        "your choice: keep",
        Says.NOW,
        lambda facts: facts.wish is Wish.KEEP,
        reasons.wish,
        ends="choosing auto or lend",
        begins="choosing keep",
    ),
    Rule(
        "ending",
        Says.KEEP,
        lambda facts: facts.seen.ending is Ending.WHEN_DONE,
        reasons.ending,
        ends="starting the agent again",
        begins="restarting the agent",
    ),
    Rule(
        "no room in memory",
        Says.KEEP,
        lambda facts: facts.slots == 0,
        reasons.memory,
        ends="more free memory, or a lower memory_per_job",
        begins="less free memory",
    ),
    Rule(
        "your choice: lend",
        Says.LEND,
        lambda facts: facts.wish is Wish.LEND,
        reasons.wish,
        ends="choosing auto or keep",
        begins="choosing lend",
    ),
    Rule(
        "never by setting",
        Says.KEEP,
        lambda facts: facts.settings.lend == "never",
        reasons.setting,
        ends="lend = auto",
        begins="lend = never",
    ),
    Rule(
        "exclusive program",
        Says.NOW,
        lambda facts: bool(facts.settings.exclusive) and facts.seen.exclusive != "",
        reasons.exclusive,
        ends="ending that program",
        begins="starting a program that the setting exclusive names",
    ),
    Rule(
        "on battery",
        Says.KEEP,
        lambda facts: facts.is_short_of_power,
        reasons.power,
        ends="plugging in, or another on_battery",
        begins="unplugging, unless on_battery allows it",
    ),
    Rule(
        "metered network",
        Says.KEEP,
        lambda facts: facts.settings.metered == "never" and facts.seen.metered is True,
        reasons.network,
        ends="another network, or metered = always",
        begins="a metered network, unless metered = always",
    ),
    Rule(
        "on a VPN",
        Says.KEEP,
        lambda facts: facts.settings.vpn == "never" and facts.seen.vpn is True,
        reasons.vpn,
        ends="leaving the VPN, or vpn = always",
        begins="joining a VPN, unless vpn = always",
    ),
    Rule(
        "about to lend",
        Says.KEEP,
        lambda facts: facts.about_to_lend,
        reasons.warning,
        ends="letting the time pass, or choosing lend or auto",
        begins="a choice to keep that runs out while you may be there",
    ),
    Rule(
        "always by setting",
        Says.LEND,
        lambda facts: facts.settings.lend == "always",
        reasons.setting,
        ends="lend = auto",
        begins="lend = always",
    ),
    Rule(
        "another session",
        Says.NOW,
        lambda facts: facts.seen.in_front is False,
        reasons.front,
        ends="switching back to your session, or ending the other",
        begins="another session at the screen",
    ),
    Rule(
        "nobody can tell",
        Says.NOW,
        lambda facts: facts.in_use is None and not facts.is_shared,
        reasons.hands,
        ends="a source for keyboard and mouse",
        begins="losing the source for keyboard and mouse, unless slots_in_use is set",
    ),
    Rule(
        "a single touch",
        Says.HOLD,
        lambda facts: facts.may_be_a_nudge,
        reasons.touch,
        ends="more input, or none for 3 s",
        begins="one touch after an absence, with on_return = hold",
    ),
    Rule(
        IN_USE,
        Says.NOW,
        lambda facts: facts.is_present and not facts.is_shared,
        reasons.hands,
        ends="leaving keyboard and mouse alone",
        begins="touching keyboard or mouse, unless slots_in_use is set",
    ),
    Rule(
        "own build",
        Says.NOW,
        lambda facts: facts.settings.own_build == "keep" and bool(facts.seen.own_build),
        reasons.own_build,
        ends="the end of that build, or own_build = ignore",
        begins="starting make, ninja, cargo or a compiler, unless own_build = ignore",
    ),
    Rule(
        "outside your hours",
        Says.KEEP,
        lambda facts: not facts.is_within_hours,
        reasons.hours,
        ends="the next hours of the schedule",
        begins="the end of the hours of the schedule",
    ),
    Rule(
        "presenting",
        Says.KEEP,
        lambda facts: facts.settings.presenting == "never" and facts.is_presenting,
        reasons.presenting,
        ends="leaving the full screen, or presenting = always",
        begins="a film or a talk, unless presenting = always",
    ),
    Rule(
        "in a meeting",
        Says.KEEP,
        lambda facts: facts.in_meeting,
        reasons.meeting,
        ends="the end of the meeting, or a calendar that can be read",
        begins="a meeting in your calendar",
    ),
    Rule(
        "busy with your work",
        Says.KEEP,
        lambda facts: facts.is_busy,
        reasons.load,
        ends="a load of at most {limit}",
        begins="a load above {limit}",
    ),
    Rule(
        "busy disks",
        Says.KEEP,
        lambda facts: facts.is_busy_with_disks,
        reasons.disk,
        ends="waiting for disks at most {disk} of the time",
        begins="waiting for disks more than {disk} of the time",
    ),
    Rule(
        "busy until now",
        Says.KEEP,
        lambda facts: facts.was_busy,
        reasons.calm,
        ends="a low load for {dwell}",
        begins="a load above {limit}",
    ),
    Rule(
        "screen locked",
        Says.LEND,
        lambda facts: facts.behind_screensaver,
        reasons.screensaver,
        ends="touching keyboard or mouse",
        begins="locking the screen and leaving",
    ),
    Rule(
        "idle",
        Says.LEND,
        lambda facts: facts.in_use is False,
        reasons.hands,
        ends="touching keyboard or mouse",
        begins="{rest}",
        reason=lambda facts: f"there was {reasons.rest(facts)}",
    ),
    Rule(
        SHARED,
        Says.SHARE,
        lambda facts: facts.is_shared,
        reasons.share,
        ends="{rest}, or slots_in_use = 0",
        begins="touching keyboard or mouse, with slots_in_use above 0",
    ),
    Rule(
        NOT_YET,
        Says.KEEP,
        lambda _: True,
        reasons.hands,
        ends="{rest}, or locking the screen and leaving",
        reason=lambda facts: f"{reasons.hands(facts)}, not yet {reasons.span(facts.settings.idle_after)}",
    ),
)
"""In order; the first that holds decides."""
