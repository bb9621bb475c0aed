"""A farm that answers as the test says."""

from __future__ import annotations

import asyncio

from farmhand.lending.events import Event, Joined, TurnedAway
from farmhand_agent.farm import Offer


class FakeFarm:
    """Grants leases from memory.

    Attributes:
        trouble: see `Farm`.
        offers: what was offered with each beat.
        withdrawn, closed, looks: how often; looks at the compilers that were asked for.
    """

    def __init__(self) -> None:
        self.trouble = ""
        self.offers: list[Offer] = []
        self.withdrawn = 0
        self.closed = 0
        self.looks = 0
        self._may_answer = asyncio.Event()
        self._may_answer.set()

    def hold(self) -> None:
        """Keep beats waiting until `let_go`."""
        self._may_answer.clear()

    def let_go(self) -> None:
        """Answer beats at once."""
        self._may_answer.set()

    async def beat(self, offer: Offer) -> Event:
        """Grant a lease, or turn away while there is trouble."""
        self.offers.append(offer)
        await self._may_answer.wait()
        return TurnedAway(0.05) if self.trouble else Joined("lease", 60.0)

    def look_again(self) -> None:
        """Take note."""
        self.looks += 1

    def withdraw(self) -> None:
        """Take note."""
        self.withdrawn += 1

    async def close(self) -> None:
        """Take note."""
        self.closed += 1
