"""What the dispatcher hears (events), what it asks for (effects) and what a job goes through (states). Values only."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar


class JobState(enum.Enum):
    """Where a compile job is on its way."""

    QUEUED = "queued"
    OUT = "out"
    QUEUED_AGAIN = "queued again"
    OUT_AGAIN = "out again"
    QUEUED_HERE = "queued here"
    HERE = "here"
    RACED = "raced"
    RACED_HERE = "raced here"
    RACED_TWICE = "raced twice"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Host:
    """A host that this build may use.

    Attributes:
        name: who it is.
        address, port: where its gate listens.
        slots: jobs at once for this build.
        speed: of one slot, relative to the farm's slowest (1.0).
        ticket: what its gate wants to see.
        toolchains: what its compilers are, see `JobArrived.needs`; empty: unknown.
    """

    name: str
    address: str
    port: int
    slots: int
    speed: float
    ticket: str = ""
    toolchains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Here:
    """The machine that builds, as one more host.

    Attributes:
        slots: compiles at once while hosts help, 0 or more.
        reserve: compiles at once of what no host can do, 1 or more; the same slots, not more of them.
        speed: as `Host.speed`.
        name: as the registry may list it, if it lends, too.
    """

    slots: int
    reserve: int = 1
    speed: float = 1.0
    name: str = ""


# --- events -----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class JobArrived:
    """distcc handed over a whole request.

    Attributes:
        job: a number that no other job of this build has.
        runs_here: whether this machine could compile it, too.
        needs: the toolchain that a host must have; "": any will do.
    """

    job: int
    runs_here: bool = True
    needs: str = ""


@dataclass(frozen=True, slots=True)
class JobDone:
    """A copy of the compile gave an answer that distcc may have.

    Attributes:
        host: which one gave it; "" for this machine.
        good: whether the compiler was content with the source.
    """

    job: int
    host: str = ""
    good: bool = True


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A host's compiler refused the source. Only this machine's own compiler may say that to a build."""

    job: int
    host: str


@dataclass(frozen=True, slots=True)
class JobLost:
    """A host gave no answer: the connection ended, the reply was rubbish, or the host was busy."""

    job: int
    host: str


@dataclass(frozen=True, slots=True)
class JobNotHere:
    """This machine cannot compile it: no such compiler, or it cannot be started."""

    job: int
    host: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class JobGone:
    """distcc has hung up."""

    job: int


@dataclass(frozen=True, slots=True)
class HostsChanged:
    """The grant was renewed, or ended (no hosts)."""

    hosts: tuple[Host, ...]


@dataclass(frozen=True, slots=True)
class Woke:
    """The time in `Dispatcher.wake_at` has come."""


JobEvent = JobDone | JobFailed | JobLost | JobNotHere | JobGone
Event = JobArrived | JobEvent | HostsChanged | Woke


# --- effects ----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Place:
    """Send the job to `host`; answer with JobDone, JobFailed or JobLost."""

    job: int
    host: Host


@dataclass(frozen=True, slots=True)
class PlaceHere:
    """Compile the job on this machine; answer with JobDone or JobNotHere."""

    job: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody wants the answer of this copy any more: stop it.

    Attributes:
        host: where it runs; "" for this machine.
    """

    job: int
    host: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Hang up on distcc, which then compiles by itself."""

    job: int


Effect = Place | PlaceHere | Cancel | GiveUp

# --- tables -----------------------------------------------------------------
S = JobState

ON_EVENT: Mapping[tuple[JobState, type[JobEvent]], JobState] = MappingProxyType(
    {
        (S.QUEUED, JobGone): S.ENDED,
        (S.OUT, JobDone): S.ENDED,
        (S.OUT, JobFailed): S.QUEUED_HERE,
        (S.OUT, JobLost): S.QUEUED_AGAIN,
        (S.OUT, JobGone): S.ENDED,
        (S.QUEUED_AGAIN, JobGone): S.ENDED,
        (S.OUT_AGAIN, JobDone): S.ENDED,
        (S.OUT_AGAIN, JobFailed): S.QUEUED_HERE,
        (S.OUT_AGAIN, JobLost): S.QUEUED_HERE,
        (S.OUT_AGAIN, JobGone): S.ENDED,
        (S.QUEUED_HERE, JobGone): S.ENDED,
        (S.HERE, JobDone): S.ENDED,
        (S.HERE, JobNotHere): S.ENDED,
        (S.HERE, JobGone): S.ENDED,
        (S.RACED, JobDone): S.ENDED,
        (S.RACED, JobFailed): S.QUEUED_HERE,
        (S.RACED, JobLost): S.OUT_AGAIN,
        (S.RACED, JobGone): S.ENDED,
        (S.RACED_HERE, JobDone): S.ENDED,
        (S.RACED_HERE, JobFailed): S.HERE,
        (S.RACED_HERE, JobLost): S.HERE,
        (S.RACED_HERE, JobNotHere): S.OUT_AGAIN,
        (S.RACED_HERE, JobGone): S.ENDED,
        (S.RACED_TWICE, JobDone): S.ENDED,
        (S.RACED_TWICE, JobFailed): S.RACED_HERE,
        (S.RACED_TWICE, JobLost): S.RACED_HERE,
        (S.RACED_TWICE, JobNotHere): S.RACED,
        (S.RACED_TWICE, JobGone): S.ENDED,
    }
)
"""Where an event takes a job; what is not in the table changes nothing."""

ON_HOST: Mapping[JobState, JobState] = MappingProxyType({S.QUEUED: S.OUT, S.QUEUED_AGAIN: S.OUT_AGAIN})
"""Where a job goes when it is placed on another machine; states that are missing may not leave this one."""

ON_HERE: Mapping[JobState, JobState] = MappingProxyType(
    {S.QUEUED: S.HERE, S.QUEUED_AGAIN: S.HERE, S.QUEUED_HERE: S.HERE}
)
"""Where a job goes when it is placed on this machine; its keys are the states in which a job waits."""

ON_RACE: Mapping[JobState, JobState] = MappingProxyType({S.OUT: S.RACED})
"""Where a job goes when one more copy of it starts on another host."""

ON_RACE_HERE: Mapping[JobState, JobState] = MappingProxyType(
    {S.OUT: S.RACED_HERE, S.OUT_AGAIN: S.RACED_HERE, S.RACED: S.RACED_TWICE}
)
"""Where a job goes when one more copy starts on this machine; its keys are the states in which a job may race."""

RACING = frozenset({*ON_RACE.values(), *ON_RACE_HERE.values()})
"""The states in which several copies of a job run."""

IDLE = frozenset({*ON_HERE, S.ENDED})
"""The states in which no copy of a job runs: what is left of a race is stopped when the job comes to one."""
