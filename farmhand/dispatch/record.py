"""What the dispatcher remembers of a job and of its runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from farmhand.dispatch.jobs import JobState


@dataclass(slots=True)
class Copy:
    """One run of a job.

    Attributes:
        since: the time at which it was placed.
        speed: of its slot.
        overdue_at: the time at which it is taken from a host that is not listed; None while it is.
    """

    since: float
    speed: float
    overdue_at: float | None = None


@dataclass(slots=True)
class DispatchedJob:
    """One compile.

    Attributes:
        number: its own.
        needs: the toolchain that a host must have; "": any will do.
        state: where it is on its way.
        kept: why it cannot be sent; "" when it can, or when it compiles no file.
        is_file: whether it counts among the files of the build.
        copies: its runs by host, "" for this machine, in the order in which they began.
        copies_here: whether this machine can compile its text.
        refused_by: the host whose compiler made no object of it; "": none.
        hung_up_by: the host that closed the connection on it last; "": none.
        has_messages: whether a host made an object of it and had messages.
        losses: how often a host gave no answer.
        lacked: the toolchain for want of which it was compiled here; "": that was not the reason.
    """

    number: int
    needs: str = ""
    state: JobState = JobState.PREPARING
    kept: str = ""
    is_file: bool = True
    copies: dict[str, Copy] = field(default_factory=dict[str, Copy])
    copies_here: bool = True
    refused_by: str = ""
    hung_up_by: str = ""
    has_messages: bool = False
    losses: int = 0
    lacked: str = ""

    @property
    def latest(self) -> Copy:
        """The copy that began last."""
        return next(reversed(self.copies.values()))
