"""Agent <-> tray and CLI: newline-delimited JSON on a Unix socket that only the owner can open.

On connect the agent sends one `Snapshot`; it sends another whenever one changes. A client may send requests at any
time; every request is answered by a `Done`, an `Explanation` or a `History`, in order, between snapshots. If a request
changed what is to be seen, the snapshot that shows it comes before the answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from farmhand.lending.observation import LONGEST_CHOICE
from farmhand.wire.history import AskHistory, History

Moment = Annotated[float, Meta(ge=0, le=250_000_000_000, description="Unix seconds, within what calendars can name")]
Span = Annotated[float, Meta(ge=0, le=LONGEST_CHOICE, description="seconds")]


class JobView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One compile job that runs here.

    Attributes:
        user, host: who sent it and from which machine; the address where there is no ticket.
        project: what the sender builds; "" when unknown.
        file: name of the source file; "" when unknown.
        compiler: the program as the client named it.
        started_at: Unix time in seconds.
        waited: seconds between arrival and start.
    """

    user: str
    host: str
    project: str
    file: str
    compiler: str
    started_at: Moment
    waited: float


class SenseView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which source answers one question about the owner, and why the others do not.

    Attributes:
        question: such as "input" or "screensaver".
        source: the chosen source; "" when nothing can tell.
        rejected: sources tried before, each with the reason against it.
    """

    question: str
    source: str
    rejected: tuple[tuple[str, str], ...] = ()


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="snapshot"):
    """All that a face of the agent may show.

    Attributes:
        version: of the agent's program.
        name: the machine, as the farm calls it.
        state: the lender's state: kept, starting, joining, lent, held, draining, stopping, failing or resting.
        since: Unix time in seconds at which that state began.
        rule: name of the policy rule that decided.
        reason: the same in words, fit to follow "because".
        wish: the owner's choice: auto, lend or keep.
        wish_until: Unix time at which it falls back to auto; None: it stays.
        until_back: whether it falls back to auto when the owner has been away and returns.
        lends_at: Unix time at which lending will start if nothing changes; None when no such time is known.
        slots: jobs offered to the farm now; 0 while not lent.
        jobs: what runs, oldest first.
        last_reclaim_ms: milliseconds from the cause of the latest reclaim to the last foreign process gone.
        reclaims: how many reclaims since the agent started.
        registry: its URL, "" for none.
        registry_trouble: why the registry does not know this machine although it should; "" when all is well.
        trouble: what keeps this machine from lending and how to mend it; "" when nothing does.
        gate: ADDR:PORT where jobs come in.
        senses: which source answers which question.
        priority: how the farm's jobs are kept out of the owner's way; "" until one ran.
        limits: what the farm's jobs together may hold, and by what they are held to it; "" while that is not known.
        sandbox: what keeps jobs away from the rest of this machine; "" while none has been found to work.
        sandbox_weaker: what that does not keep, and why no stronger one is used; "" when it is the strongest.
        blocked: users, machines and `user@machine` whose jobs are refused.
        reclaim_p50_ms, reclaim_p99_ms: what half and what 99 % of the latest reclaims did not exceed; None: no reclaim.
    """

    version: str
    name: str
    state: str
    since: Moment
    rule: str
    reason: str
    wish: Literal["auto", "lend", "keep"] = "auto"
    wish_until: Moment | None = None
    until_back: bool = False
    lends_at: Moment | None = None
    slots: int = 0
    jobs: tuple[JobView, ...] = ()
    last_reclaim_ms: float | None = None
    reclaims: int = 0
    registry: str = ""
    registry_trouble: str = ""
    trouble: str = ""
    gate: str = ""
    senses: tuple[SenseView, ...] = ()
    priority: str = ""
    limits: str = ""
    blocked: tuple[str, ...] = ()
    reclaim_p50_ms: float | None = None
    reclaim_p99_ms: float | None = None
    sandbox: str = ""
    sandbox_weaker: str = ""


class RuleView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One policy rule as it stood at one moment.

    Attributes:
        name: of the rule.
        holds: whether its condition was met.
        decided: whether it was the first that held, and so the one that counted.
        says: what it wants when it holds, such as "keep" or "lend 4 slots".
        value: what it looked at, in words.
        change: what would make it turn the other way.
    """

    name: str
    holds: bool
    decided: bool
    says: str
    value: str
    change: str


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="explanation"):
    """Every rule in order, for `farmhand why`."""

    state: str
    rules: tuple[RuleView, ...]


class Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="done"):
    """A request was carried out (`problem` empty) or refused (`problem` says why).

    Attributes:
        problem: why it was refused.
        note: what to know although it was carried out.
    """

    problem: str = ""
    note: str = ""


class Choose(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="choose"):
    """The owner's choice.

    Attributes:
        wish: auto, lend or keep.
        until: Unix time at which it falls back to auto, or in a year if that is earlier; None: not by the clock on
            the wall.
        until_back: fall back to auto when the owner has been away and returns, too.
        span: seconds from now until it falls back to auto, wherever somebody sets the clock; None: not by a span.
    """

    wish: Literal["auto", "lend", "keep"]
    until: Moment | None = None
    until_back: bool = False
    span: Span | None = None


class Explain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="explain"):
    """Asks for an `Explanation`."""


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="block"):
    """Refuses somebody's jobs from now on and cuts those that run, or lets them in again.

    Attributes:
        user: a user, a machine by name or address, or `user@machine`.
        on: whether to refuse.
    """

    user: str
    on: bool = True


class Reload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reload"):
    """Asks the agent to read its settings again; the answer notes which of them wait for a restart."""


class Quit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="quit"):
    """Asks the agent to give the machine back and end."""


FromAgent = Snapshot | Explanation | History | Done
ToAgent = Choose | Explain | AskHistory | Block | Reload | Quit
