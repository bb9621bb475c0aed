"""Watching a source that can only be asked: how long has there been no input?

It is asked every `period` seconds, and only what the answer changes is reported: input after a rest, a rest after
input, leaving. How late a touch is noticed is the price.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from farmhand_agent.sensors.base import Report
from farmhand_agent.sensors.rest import rest, stage
from farmhand_agent.ticks import tick

SAME_INPUT = 1.0
"""Seconds by which the last input may seem to move without having done so: clocks are read at different moments."""


async def poll(
    idle: Callable[[], float],
    period: float,
    idle_after: float,
    report: Report,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask until cancelled, or until `idle` raises.

    Args:
        idle: returns the seconds since the last input.
        period: seconds between two questions.
        idle_after: seconds without input that count as leaving.
        report: takes what changes.
        clock: monotonic seconds.
    """
    known: tuple[int, float] | None = None
    while True:
        seconds, now = idle(), clock()
        last, reached = now - seconds, stage(seconds, idle_after)
        if known is None or reached != known[0] or (reached and last - known[1] > SAME_INPUT):
            known = (reached, last)
            report(rest(seconds, now, idle_after))
        await tick(period)
