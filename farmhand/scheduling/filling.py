"""Gives slots to builds, as a number for each pool of like slots, so that nobody is poorer than need be.

1. The poorest build takes the next slot, from the first pool of its choice that has one.
2. Where none has one, others make room by moving to a free slot elsewhere, along a shortest chain (an augmenting path).
3. Then slots pass from richer to poorer builds while the richer one stays richer: moves and slots of unlike speed may
   have left it so.
4. Last, builds swap slots of the same speed so that each is at home as far as it can be.

Wealth is capacity (slots x speed) for weight. All that is taken stays taken, so each step is forward only.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

_ROUNDING = 1e-9
"""Levels of wealth closer than this are equal."""


@dataclass(slots=True, eq=False)
class Pool:
    """Slots that are alike for every build.

    Attributes:
        speed: of each slot, above 0.
        owners: builds at home here.
        rooms: slots by host.
        free: slots not taken.
        held: slots taken, by build.
    """

    speed: float
    owners: frozenset[str] = frozenset()
    rooms: dict[str, int] = field(default_factory=dict[str, int])
    free: int = 0
    held: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, host: str, slots: int) -> None:
        """Put a host's slots into the pool."""
        self.rooms[host] = slots
        self.free += slots

    def holders(self) -> list[str]:
        """The builds that hold slots here."""
        return [build for build, slots in self.held.items() if slots]


@dataclass(frozen=True, slots=True)
class Seeker:
    """A build that wants slots.

    Attributes:
        want: how many.
        weight: its share compared with others, above 0.
        choice: the pools that suit it, best first.
        suits: the same pools.
    """

    want: int
    weight: float
    choice: Sequence[Pool]
    suits: Set[Pool]


class Filling:
    """One division; the result is left in the pools."""

    def __init__(self, seekers: Mapping[str, Seeker]) -> None:
        """Prepare; of two equally poor builds the one named first comes first."""
        self._seekers = seekers
        self._rank = {build: rank for rank, build in enumerate(seekers)}
        self._next = dict.fromkeys(seekers, 0)
        self._left = {build: seeker.want for build, seeker in seekers.items()}
        self._capacity = dict.fromkeys(seekers, 0.0)
        self._poorest = [self._entry(build) for build, left in self._left.items() if left]
        self._closed: set[Pool] = set()

    def run(self, pools: Iterable[Pool]) -> None:
        """Fill the pools."""
        pools = list(pools)
        while self._poorest:
            build = heapq.heappop(self._poorest)[2]
            pool = self._first_free(build)
            if pool is not None:
                self._take(build, pool, self._count(build, pool))
            elif not self._make_room(build):
                continue
            if self._left[build]:
                heapq.heappush(self._poorest, self._entry(build))
        while sum(self._even_out(pool) for pool in pools):
            pass
        for pool in pools:
            self._send_home(pool)

    def _level(self, build: str) -> float:
        return self._capacity[build] / self._seekers[build].weight

    def _entry(self, build: str) -> tuple[float, int, str]:
        return (self._level(build), self._rank[build], build)

    def _take(self, build: str, pool: Pool, count: int) -> None:
        pool.free -= count
        self._hold(build, pool, count)

    def _hold(self, build: str, pool: Pool, count: int) -> None:
        pool.held[build] += count
        self._left[build] -= count
        self._capacity[build] += count * pool.speed

    def _first_free(self, build: str) -> Pool | None:
        """The best pool with a free slot. A full pool stays full, so the search never goes back."""
        choice = self._seekers[build].choice
        while self._next[build] < len(choice):
            pool = choice[self._next[build]]
            if pool.free:
                return pool
            self._next[build] += 1
        return None

    def _count(self, build: str, pool: Pool) -> int:
        """How many slots the build takes before another one is poorer."""
        most = min(pool.free, self._left[build])
        if not self._poorest:
            return most
        behind = self._poorest[0][0] * self._seekers[build].weight - self._capacity[build]
        return max(1, min(most, int(behind / pool.speed)))

    def _make_room(self, build: str) -> bool:
        """Give `build` one slot of a full pool; False when no chain of moves ends at a free slot.

        What a search has seen in vain leads nowhere for good: nobody who holds slots there can go anywhere else.
        """
        moved: dict[Pool, tuple[str, Pool] | None] = {
            pool: None for pool in self._seekers[build].choice if pool not in self._closed
        }
        asked: set[str] = set()
        queue = list(moved)
        for full in queue:
            for mover in sorted(set(full.holders()) - asked, key=self._rank.__getitem__):
                asked.add(mover)
                for pool in self._seekers[mover].choice:
                    if pool in moved or pool in self._closed:
                        continue
                    moved[pool] = (mover, full)
                    if pool.free:
                        self._move_along(build, pool, moved)
                        return True
                    queue.append(pool)
        self._closed.update(moved)
        return False

    def _move_along(self, build: str, pool: Pool, moved: Mapping[Pool, tuple[str, Pool] | None]) -> None:
        pool.free -= 1
        while (step := moved[pool]) is not None:
            mover, source = step
            self._hold(mover, source, -1)
            self._hold(mover, pool, 1)
            pool = source
        self._hold(build, pool, 1)
        self._poorest = [self._entry(waiting) for _, _, waiting in self._poorest]
        heapq.heapify(self._poorest)

    def _even_out(self, pool: Pool) -> bool:
        """Pass one slot from the richest holder to the poorest build that wants it; False when that helps nobody.

        What an owner would rather keep goes to another owner only.
        """
        wanting = [self._entry(one) for one, left in self._left.items() if left and pool in self._seekers[one].suits]
        holders = pool.holders()
        at_home = [entry for entry in wanting if entry[2] in pool.owners]
        givers = [one for one in holders if not self._would_keep(one, pool)]
        return self._pass_on(pool, givers, wanting) or self._pass_on(pool, holders, at_home)

    def _pass_on(self, pool: Pool, givers: Iterable[str], wanting: Iterable[tuple[float, int, str]]) -> bool:
        level, _, poor = min(wanting, default=(math.inf, 0, ""))
        left, _, rich = max((self._level_with_less(one, pool) for one in givers), default=(0.0, 0, ""))
        if left <= level + _ROUNDING:
            return False
        self._hold(rich, pool, -1)
        self._hold(poor, pool, 1)
        return True

    def _level_with_less(self, build: str, pool: Pool) -> tuple[float, int, str]:
        """The build's entry if it gave away one slot of the pool."""
        level, rank, _ = self._entry(build)
        return (level - pool.speed / self._seekers[build].weight, rank, build)

    def _would_keep(self, build: str, pool: Pool) -> bool:
        """Whether the build is at home in the pool and has slots elsewhere to give away first."""
        return build in pool.owners and pool.held[build] < self._seekers[build].want - self._left[build]

    def _send_home(self, home: Pool) -> None:
        """Let the owners of a pool swap slots elsewhere for those that strangers hold here."""
        for owner in sorted(home.owners, key=self._rank.__getitem__):
            for away in self._seekers[owner].choice:
                if away.speed != home.speed or owner in away.owners:
                    continue
                for guest in home.holders():
                    if guest not in home.owners and away in self._seekers[guest].suits:
                        count = min(away.held[owner], home.held[guest])
                        for build, source, target in ((owner, away, home), (guest, home, away)):
                            source.held[build] -= count
                            target.held[build] += count
