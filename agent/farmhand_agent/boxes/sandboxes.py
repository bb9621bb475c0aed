"""Which kind of box this machine can make, found out by trying: the strongest that works, and why no other does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from farmhand_agent.boxes import landlock_box, sandbox
from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.boxes.box import Box, BoxPlan
from farmhand_agent.boxes.landlock_box import LandlockBox
from farmhand_agent.limits.enclosure import AnyCell
from farmhand_agent.traces.leftovers import Trace


class OwnBox(AnyBox, Protocol):
    """What the agent needs of a box that it made."""

    @property
    def pids(self) -> tuple[int, ...]: ...
    @property
    def traces(self) -> tuple[Trace, ...]: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of box.

    Attributes:
        name: as it is shown.
        word: as the setting `sandbox` names it.
        weaker: what it does not keep as the strongest kind does; "" for that one.
        start: makes a box.
        why_unusable: tries it; returns why it does not work here and how to mend it, "" when it does.
    """

    name: str
    word: str
    weaker: str
    start: Callable[[BoxPlan, AnyCell], Awaitable[OwnBox]]
    why_unusable: Callable[[], Awaitable[str]]


async def _why_no_bubblewrap() -> str:
    return await asyncio.to_thread(sandbox.why_unusable)


KINDS = (
    Kind("bubblewrap", "bubblewrap", "", Box.start, _why_no_bubblewrap),
    Kind(
        "Landlock",
        "landlock",
        "jobs can tell that a file or process exists if they guess its name, count against your limit of processes, "
        "and their files are watched instead of bounded",
        LandlockBox.start,
        landlock_box.why_unusable,
    ),
)
"""The strongest first."""


@dataclass(frozen=True, slots=True)
class Found:
    """What trying has shown.

    Attributes:
        kind: of the boxes to make; None: none can be made.
        rejected: the kinds tried before, each with the reason against it.
    """

    kind: Kind | None
    rejected: tuple[tuple[Kind, str], ...] = ()

    @property
    def problem(self) -> str:
        """Why no box can be made here and how to mend it; "" when one can."""
        return "" if self.kind else "; ".join(f"{kind.name}: {reason}" for kind, reason in self.rejected)

    @property
    def name(self) -> str:
        """Of the kind in use; "" when there is none."""
        return self.kind.name if self.kind else ""

    @property
    def weaker(self) -> str:
        """What is weaker here than it could be, and what keeps it so; "" when nothing."""
        if self.kind is None or not self.kind.weaker:
            return ""
        against = [f"{kind.name} would be stronger: {reason}" for kind, reason in self.rejected]
        return "; ".join([self.kind.weaker, *against])


async def choose(wanted: str, kinds: Sequence[Kind] = KINDS) -> Found:
    """Try kinds of boxes until one works.

    Args:
        wanted: the setting `sandbox`.
        kinds: the strongest first.
    """
    rejected: list[tuple[Kind, str]] = []
    for kind in kinds:
        if wanted in ("auto", kind.word):
            reason = await kind.why_unusable()
            if not reason:
                return Found(kind, tuple(rejected))
            rejected.append((kind, reason))
    return Found(None, tuple(rejected))
