"""What the lender hears (events) and what it asks for (effects). Values only."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Urge(enum.Enum):
    """What the policy can want of the machine."""

    LEND = "lend"
    SHARE = "share"  # lend in part, for the owner is there: what runs beyond that part ends at once
    HOLD = "hold"  # freeze running jobs for a moment: the owner may be back, or has only brushed the desk
    KEEP = "keep"  # running jobs may finish
    KEEP_NOW = "keep now"  # running jobs end at once


@dataclass(frozen=True, slots=True)
class Want:
    """What the policy wants of this machine right now.

    Attributes:
        urge: see `Urge`.
        slots: how many jobs at once; 1 or more when lending is wanted.
    """

    urge: Urge
    slots: int = 0

    @property
    def lend(self) -> bool:
        """Whether the farm may use the machine, or a part of it."""
        return self.urge in (Urge.LEND, Urge.SHARE)

    @property
    def hurry(self) -> bool:
        """Whether running jobs end at once."""
        return self.urge is Urge.KEEP_NOW


# --- events -----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Wanted:
    """The policy has decided anew."""

    want: Want


@dataclass(frozen=True, slots=True)
class BoxUp:
    """The gate listens and its sandbox answers."""


@dataclass(frozen=True, slots=True)
class BoxDown:
    """Gate closed, every sandbox gone, whoever asked for it."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The registry granted or renewed a lease.

    Attributes:
        lease: its id.
        renew_in: seconds until the registry wants to hear of us again.
    """

    lease: str
    renew_in: float


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """The registry refused, or did not answer; `retry_after` in seconds."""

    retry_after: float


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """The registry no longer knows our lease."""


@dataclass(frozen=True, slots=True)
class Drained:
    """No compile job is running here any more."""


@dataclass(frozen=True, slots=True)
class Woke:
    """The time in `Lender.wake_at` has come."""


Event = Wanted | BoxUp | BoxDown | Joined | TurnedAway | LeaseLost | Drained | Woke


# --- effects ----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class StartBox:
    """Bring up gate and sandbox for `slots` jobs; answer with BoxUp or BoxDown."""

    slots: int


@dataclass(frozen=True, slots=True)
class StopBox:
    """Close the gate and end every job; answer with BoxDown. `force` repeats an order that was not carried out."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """Take `slots` jobs at once and ask the registry for a lease; answer with Joined or TurnedAway."""

    slots: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Take `slots` jobs at once and renew the lease; answer with Joined, LeaseLost or TurnedAway."""

    lease: str
    slots: int


@dataclass(frozen=True, slots=True)
class Trim:
    """Take `slots` jobs at once, and end running ones at once until no more are left."""

    slots: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Tell the registry that the lease is over."""

    lease: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no new jobs; answer with Drained when none runs."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stop every running job where it stands."""


@dataclass(frozen=True, slots=True)
class Thaw:
    """Let frozen jobs go on."""


Effect = StartBox | StopBox | Join | Renew | Trim | Withdraw | Drain | Freeze | Thaw
