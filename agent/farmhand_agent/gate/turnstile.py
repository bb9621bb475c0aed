"""Slots at the gate: at most so many jobs at once, over all boxes; who comes first is served first.

The limit may change while jobs run: a lower one takes effect as jobs end, a higher one at once. A grant's own limit
holds beside it, so a build that was granted two slots never holds three. At a limit of 0 nobody waits: no slot would
come free, and another host is wanted at once. There is room for so many who wait; for one more the oldest goes of those
whose name waits most often, so that a crowd makes room among itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from farmhand_agent.gate.admission import Client


class Full(Exception):
    """No slot came free in time, or none will."""


MAX_WAITING = 512
"""Clients that may wait for a slot."""

_NONE_OFFERED = "no more jobs are taken"
_CROWDED_OUT = "too many wait for a slot"


class Turnstile:
    """Hands out slots.

    Attributes:
        limit: jobs at once.
        taken: jobs inside now.
    """

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self.taken = 0
        self._by_grant: Counter[str] = Counter()
        self._waiting: deque[tuple[Client, asyncio.Future[str]]] = deque()  # with "", or why there is no slot

    def resize(self, limit: int) -> None:
        """Set the limit; jobs inside are left alone."""
        self.limit = limit
        self._admit_waiting()
        if not limit:
            for _, turn in self._waiting:
                turn.set_result(_NONE_OFFERED)
            self._waiting.clear()

    @asynccontextmanager
    async def slot(self, client: Client, patience: float) -> AsyncGenerator[None]:
        """Hold one slot inside the block.

        Args:
            client: who wants it.
            patience: seconds to wait for one.

        Raises:
            Full: none came free in that time, or none is offered any more.
        """
        await self._enter(client, patience)
        try:
            yield
        finally:
            self.taken -= 1
            self._by_grant[client.grant] -= 1
            self._by_grant += Counter()  # forget grants that hold nothing
            self._admit_waiting()

    async def _enter(self, client: Client, patience: float) -> None:
        if not self.limit:
            raise Full(_NONE_OFFERED)
        if len(self._waiting) >= MAX_WAITING:
            self._crowd_out()
        turn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        place = (client, turn)
        self._waiting.append(place)
        self._admit_waiting()
        try:
            async with asyncio.timeout(patience):
                await asyncio.shield(turn)
        except TimeoutError:
            if not turn.done():
                self._waiting.remove(place)
                raise Full(f"all {self.limit} slots are taken") from None
        except asyncio.CancelledError:
            if not turn.done():
                self._waiting.remove(place)
            elif not turn.result():
                self.taken -= 1
                self._by_grant[client.grant] -= 1
                self._admit_waiting()
            raise
        if turn.result():
            raise Full(turn.result())

    def _fits(self, client: Client) -> bool:
        return self.taken < self.limit and (client.limit is None or self._by_grant[client.grant] < client.limit)

    def _take(self, client: Client) -> None:
        self.taken += 1
        self._by_grant[client.grant] += 1

    def _admit_waiting(self) -> None:
        for place in [one for one in self._waiting if not one[1].done()]:
            if self._fits(place[0]):
                self._take(place[0])
                self._waiting.remove(place)
                place[1].set_result("")

    def _crowd_out(self) -> None:
        """Send the oldest away of those whose name waits most often."""
        names = Counter(client.identity for client, _ in self._waiting)
        name = max(names, key=names.__getitem__)
        place = next(one for one in self._waiting if one[0].identity == name)
        self._waiting.remove(place)
        place[1].set_result(_CROWDED_OUT)
