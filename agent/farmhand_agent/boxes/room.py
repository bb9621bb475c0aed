"""How many boxes there may be at once, and who makes room for another one. Pure.

A reclaim takes longer the more boxes there are, and each keeps processes and sockets, idle or not. Clients choose the
names that tell them apart, so one box for each name would have no end.

1. There may be one box for each slot, and `BESIDES` more: builders who take turns find theirs warm.
2. Boxes that come up and boxes that are dying count: their processes are there.
3. For another one, or when slots are taken away, those end that have been idle for longest. One with a job never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

BESIDES = 4
"""Boxes that there may be beside one for each slot."""

Tenant = TypeVar("Tenant")


def most(slots: int) -> int:
    """How many boxes there may be for so many slots: rule 1."""
    return slots + BESIDES


def who_goes(idle: Sequence[Tenant], living: int, slots: int) -> Sequence[Tenant]:
    """Return whose boxes end: rule 3.

    Args:
        idle: who has a box without a job, the longest idle first.
        living: boxes that are up or come up, with the one that is wanted.
        slots: jobs at once.
    """
    return idle[: max(0, living - most(slots))]
