"""One beat for all who look now and then: looks that fall on the same moment cost one wake-up together.

1. Who looks every so many seconds does so whenever the clock shows a multiple of them, so that what is looked at every
   ten seconds is looked at together with what is looked at every five.
2. The first pause is half as long as the others at least, and half as long again at most: nobody looks twice in a row.
"""

from __future__ import annotations

import asyncio


def until_tick(period: float, now: float) -> float:
    """Return the seconds until the next look of those who look every `period` seconds, at `now` on their clock."""
    return (round(now / period) + 1) * period - now


async def tick(period: float) -> None:
    """Wait for the next common look of those who look every `period` seconds."""
    await asyncio.sleep(until_tick(period, asyncio.get_running_loop().time()))
