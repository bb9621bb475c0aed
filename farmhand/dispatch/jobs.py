"""What the dispatcher hears (events), what it asks for (effects) and what a job goes through (states). Values only."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar


class JobState(enum.Enum):
    """Where a compile job is on its way."""

    PREPARING = "preparing"
    QUEUED = "queued"
    OUT = "out"
    QUEUED_AGAIN = "queued again"
    OUT_AGAIN = "out again"
    QUEUED_HERE = "queued here"
    HERE = "here"
    RACED = "raced"
    RACED_HERE = "raced here"
    RACED_TWICE = "raced twice"
    COPY_HERE = "copy here"
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
    """The build called a compiler.

    Attributes:
        job: a number that no other job of this build has.
        needs: the toolchain that a host must have; "": any will do.
        leaves: whether another machine may compile it once it is preprocessed.
        kept: why it may not, for people; "" when it may, or when it compiles no file.
    """

    job: int
    needs: str = ""
    leaves: bool = True
    kept: str = ""


@dataclass(frozen=True, slots=True)
class JobReady:
    """The job is preprocessed: now it can be sent."""

    job: int


@dataclass(frozen=True, slots=True)
class JobStays:
    """The preprocessor failed, spoke, or made a text that must not leave: the compiler itself runs here.

    Attributes:
        kept: why, for people; "" when it is the preprocessor's messages.
    """

    job: int
    kept: str = ""


@dataclass(frozen=True, slots=True)
class JobDone:
    """A copy of the compile gave an object, or the compiler itself has ended here.

    Attributes:
        host: which one gave it; "" for this machine.
        good: whether it is known that the compiler was content with the source.
    """

    job: int
    host: str = ""
    good: bool = True


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A copy's compiler had something to say. Only this machine's own compiler may say that to a build.

    Attributes:
        host: whose; "" for this machine.
        refused: whether a host's compiler made no object; this machine's is believed.
    """

    job: int
    host: str
    refused: bool = True


@dataclass(frozen=True, slots=True)
class JobLost:
    """A host gave no answer: the connection ended, the reply was rubbish, or the host was busy.

    Attributes:
        hung_up: whether the host took the job and then ended the connection without a word.
    """

    job: int
    host: str
    hung_up: bool = False


@dataclass(frozen=True, slots=True)
class JobNotHere:
    """This machine cannot compile the preprocessed text: its compiler cannot be started."""

    job: int
    host: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class JobGone:
    """Nobody waits for the job any more."""

    job: int


@dataclass(frozen=True, slots=True)
class HostsChanged:
    """The grant was renewed, or ended (no hosts)."""

    hosts: tuple[Host, ...]


@dataclass(frozen=True, slots=True)
class Woke:
    """The time in `Dispatcher.wake_at` has come."""


JobEvent = JobReady | JobStays | JobDone | JobFailed | JobLost | JobNotHere | JobGone
Event = JobArrived | JobEvent | HostsChanged | Woke


# --- effects ----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Place:
    """Send the job to `host`; answer with JobDone, JobFailed or JobLost."""

    job: int
    host: Host


@dataclass(frozen=True, slots=True)
class PlaceHere:
    """Run the compiler itself on this machine, as the build called it; answer with JobDone. There is no way back.

    Attributes:
        report: whether JobDone must tell how the compiler ended.
    """

    job: int
    report: bool = False


@dataclass(frozen=True, slots=True)
class CopyHere:
    """Compile the preprocessed text on this machine, beside a host; answer with JobDone, JobFailed or JobNotHere."""

    job: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody wants the answer of this copy any more: stop it.

    Attributes:
        host: where it runs; "" for this machine.
    """

    job: int
    host: str


Effect = Place | PlaceHere | CopyHere | Cancel

# --- tables -----------------------------------------------------------------
S = JobState

ON_EVENT: Mapping[tuple[JobState, type[JobEvent]], JobState] = MappingProxyType(
    {
        (S.PREPARING, JobReady): S.QUEUED,
        (S.PREPARING, JobStays): S.QUEUED_HERE,
        (S.PREPARING, JobGone): S.ENDED,
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
        (S.HERE, JobGone): S.ENDED,
        (S.RACED, JobDone): S.ENDED,
        (S.RACED, JobFailed): S.QUEUED_HERE,
        (S.RACED, JobLost): S.OUT_AGAIN,
        (S.RACED, JobGone): S.ENDED,
        (S.RACED_HERE, JobDone): S.ENDED,
        (S.RACED_HERE, JobFailed): S.QUEUED_HERE,
        (S.RACED_HERE, JobLost): S.COPY_HERE,
        (S.RACED_HERE, JobNotHere): S.OUT_AGAIN,
        (S.RACED_HERE, JobGone): S.ENDED,
        (S.RACED_TWICE, JobDone): S.ENDED,
        (S.RACED_TWICE, JobFailed): S.QUEUED_HERE,
        (S.RACED_TWICE, JobLost): S.RACED_HERE,
        (S.RACED_TWICE, JobNotHere): S.RACED,
        (S.RACED_TWICE, JobGone): S.ENDED,
        (S.COPY_HERE, JobDone): S.ENDED,
        (S.COPY_HERE, JobFailed): S.QUEUED_HERE,
        (S.COPY_HERE, JobNotHere): S.QUEUED_HERE,
        (S.COPY_HERE, JobGone): S.ENDED,
    }
)
"""Where an event takes a job; what is not in the table changes nothing."""

ON_HOST: Mapping[JobState, JobState] = MappingProxyType({S.QUEUED: S.OUT, S.QUEUED_AGAIN: S.OUT_AGAIN})
"""Where a job goes when it is placed on another machine; states that are missing may not leave this one."""

ON_HERE: Mapping[JobState, JobState] = MappingProxyType(
    {S.PREPARING: S.HERE, S.QUEUED: S.HERE, S.QUEUED_AGAIN: S.HERE, S.QUEUED_HERE: S.HERE}
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
