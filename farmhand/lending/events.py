"""What the lender hears (events) and what it asks for (effects). Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Want:
    """What the policy wants of this machine right now.

    Attributes:
        lend: whether the farm may use it.
        slots: how many jobs at once, 1 or more when `lend`.
        hurry: running jobs end at once instead of draining.
    """

    lend: bool
    slots: int = 0
    hurry: bool = False


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
class Withdraw:
    """Tell the registry that the lease is over."""

    lease: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no new jobs; answer with Drained when none runs."""


Effect = StartBox | StopBox | Join | Renew | Withdraw | Drain
