"""Waiting for what can be observed, instead of sleeping and hoping.

How long is only for those who wait in vain: a busy machine is no bug. What shall come soon is measured in `benchmarks`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 30.0
"""Seconds; what is right takes a fraction of it, even with much else to do."""

T = TypeVar("T")


class TooLate(AssertionError):
    """Something that was waited for did not come about."""


def until(
    probe: Callable[[], T | None],
    what: str = "what was waited for",
    within: float = PATIENCE,
    every: float = 0.005,
    pardon: tuple[type[Exception], ...] = (),
) -> T:
    """Return what `probe` finds as soon as it finds something true.

    Args:
        probe: looks.
        what: the words with which to give up.
        within: seconds.
        every: seconds between two looks.
        pardon: how the probe may fail until then.

    Raises:
        TooLate: it found nothing in time.
    """
    ends = time.monotonic() + within
    while not (found := _look(probe, pardon)):
        _go_on(ends, what, within)
        time.sleep(every)
    return found


async def comes_true(
    probe: Callable[[], T | None],
    what: str = "what was waited for",
    within: float = PATIENCE,
    every: float = 0.005,
) -> T:
    """Like `until`, without stopping the event loop."""
    ends = time.monotonic() + within
    while not (found := probe()):
        _go_on(ends, what, within)
        await asyncio.sleep(every)
    return found


def _look(probe: Callable[[], T | None], pardon: tuple[type[Exception], ...]) -> T | None:
    try:
        return probe()
    except pardon:
        return None


def _go_on(ends: float, what: str, within: float) -> None:
    if time.monotonic() > ends:
        raise TooLate(f"{what}: not within {within:g} s")
