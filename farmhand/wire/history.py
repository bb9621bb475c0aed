"""What the agent's journal tells: jobs and reclaims as they were kept, and what they add up to."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

LONGEST_HISTORY = 36500
"""Days that anybody looks back."""


class JobRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One compile job that has ended.

    Attributes:
        started_at: Unix time in seconds.
        waited: seconds between arrival and start.
        ran: seconds between start and end.
        user, host: who sent it and from which machine; the address where there is no ticket.
        project: what the sender builds; "" when unknown.
        grant: id of the build's grant; "" without a ticket.
        compiler, file: as the client named them; the file without folders, "" when unknown.
        bytes_in, bytes_out: size of the request and of the reply, in bytes.
        status: the compiler's exit status, or less the number of the signal that ended it; None: it never ended.
        end: why the job is over, in words.
    """

    started_at: float
    waited: float
    ran: float
    user: str
    host: str
    project: str
    grant: str
    compiler: str
    file: str
    bytes_in: int
    bytes_out: int
    status: int | None
    end: str


class ReclaimRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One time at which the machine went back to its owner.

    Attributes:
        at: Unix time in seconds.
        rule: name of the policy rule that asked for it.
        milliseconds: from the cause to the last foreign process gone.
        jobs: how many were cut.
        slots: jobs offered before.
    """

    at: float
    rule: str
    milliseconds: float
    jobs: int
    slots: int


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one sender's jobs for one project add up to; a part of a `Summary` has "" for what it does not tell apart.

    Attributes:
        user, host, project: see `JobRecord`.
        jobs: how many.
        seconds: that compilers ran for them.
        bytes_in, bytes_out: what they sent and were sent.
    """

    user: str
    host: str
    project: str
    jobs: int
    seconds: float
    bytes_in: int
    bytes_out: int


class Summary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was lent in a span of time, and how it was taken back.

    Attributes:
        since: Unix time in seconds at which the span begins.
        jobs: how many ended.
        people: users who sent them.
        seconds: that compilers ran.
        bytes_in, bytes_out: what the jobs sent and were sent.
        by_user: the same for each user and machine, the longest first.
        by_project: the same for each project, the longest first.
        reclaims: how many.
        reclaim_p50_ms, reclaim_p99_ms: what half and what 99 % of them did not exceed; None without any.
        turned_away: clients for which no job began, with the reason.
    """

    since: float
    jobs: int = 0
    people: int = 0
    seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    by_user: tuple[Usage, ...] = ()
    by_project: tuple[Usage, ...] = ()
    reclaims: int = 0
    reclaim_p50_ms: float | None = None
    reclaim_p99_ms: float | None = None
    turned_away: tuple[tuple[str, int], ...] = ()


class AskHistory(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ask-history"):
    """Asks for a `History`.

    Attributes:
        days: how far back.
        limit: jobs and reclaims to list, at most `MAX_LISTED`.
        user: only the jobs of this user, machine or `user@machine`; "": everybody's.
    """

    days: Annotated[float, Meta(gt=0, le=LONGEST_HISTORY)] = 7.0
    limit: int = 20
    user: str = ""


MAX_LISTED = 1000
"""So many records still fit into one message."""


class History(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="history"):
    """The journal's answer.

    Attributes:
        summary: of the days that were asked for.
        today: since midnight here.
        week: since monday's midnight here.
        jobs, reclaims: the latest, newest first.
        trouble: why nothing, or not everything, is known; "" when all is well.
    """

    summary: Summary
    today: Summary
    week: Summary
    jobs: tuple[JobRecord, ...] = ()
    reclaims: tuple[ReclaimRecord, ...] = ()
    trouble: str = ""
