"""What the gate knows of one compile job."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from farmhand.distcc.command import source_file
from farmhand.text import presentable
from farmhand.wire.local import JobView
from farmhand_agent.gate.admission import Client


class End(enum.Enum):
    """Why a job is over."""

    SERVED = "served"
    CLIENT_LEFT = "the client left"
    BOX_LEFT = "the box ended"
    STALLED = "the upload stalled"
    GARBAGE = "the client or the box did not speak distcc"
    CUT = "a connection broke"
    LIFETIME = "it ran too long"
    RECLAIMED = "the owner took the machine back"
    WITHDRAWN = "its admission ended"

    @classmethod
    def by(cls, cut: asyncio.CancelledError) -> End:
        """Why a job was cut: the name with which its task was cancelled; without one the whole agent ends."""
        return cls.__members__.get(cut.args[0] if cut.args else "", cls.RECLAIMED)


class Refusal(enum.Enum):
    """Why no job began for a client."""

    DENIED = "not admitted"
    FULL = "all slots were taken"
    NO_BOX = "no box could be had"
    RUDE = "it did not introduce itself properly"


@dataclass(slots=True)
class Job:
    """One compile job, from the moment it holds a slot.

    Attributes:
        client: who sent it.
        compiler, file: as the client named them, presentable; the file without folders, "" when unknown.
        arrived, started: monotonic seconds.
        started_at: Unix time in seconds.
        received, sent: bytes so far.
        status: what `wait` said of the compiler; None until it has ended.
    """

    client: Client
    compiler: str
    file: str
    arrived: float
    started: float
    started_at: float
    received: int = 0
    sent: int = 0
    status: int | None = None

    @classmethod
    def begin(cls, client: Client, argv: Sequence[str], arrived: float) -> Job:
        """A job that begins now, of a client that came at `arrived`."""
        return cls(
            client=client,
            compiler=presentable(argv[0]) if argv else "",
            file=presentable(PurePosixPath(source_file(argv)).name),
            arrived=arrived,
            started=time.monotonic(),
            started_at=time.time(),
        )

    def view(self) -> JobView:
        """What the owner may see of it."""
        return JobView(
            user=self.client.user,
            host=self.client.host,
            project=self.client.project,
            file=self.file,
            compiler=self.compiler,
            started_at=self.started_at,
            waited=self.started - self.arrived,
        )


class Ledger(Protocol):
    """Whoever keeps count of what came to the gate."""

    def ended(self, job: Job, end: End) -> None:
        """Note a job that is over."""
        ...

    def refused(self, why: Refusal) -> None:
        """Note a client for which no job began."""
        ...


class NoLedger:
    """Keeps no count."""

    def ended(self, job: Job, end: End) -> None:
        """Forget it."""

    def refused(self, why: Refusal) -> None:
        """Forget it."""
