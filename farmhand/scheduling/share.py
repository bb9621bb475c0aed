"""Who may use which slots: weighted max-min fairness over capacity, after Bertsekas and Gallager, Data Networks, 6.5.2.

1. Capacity of a slot is the speed of its host. The build that has least capacity for its weight gets the next slot,
   until no build wants or can use more: nobody can have more without a poorer one having less.
2. A build takes its own machine's slots first, then those of the fastest host. Nobody is sent to a machine that its own
   user needs while there is room elsewhere.
3. A build whose suitable slots are all taken gets one if their users can move to other slots.
4. Of equally fast hosts a build keeps those it had; the rest goes where most is free.
5. No host gives more than it offers, and none serves a build whose toolchain it lacks or that cannot reach it.

Hosts that are alike for every build form one pool; slots are divided by pools and then spread over the hosts, so the
work grows with the slots in use, not with builds x hosts.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Division = Mapping[str, Mapping[str, int]]
"""Slots by build and host; hosts with none are left out."""


@dataclass(frozen=True, slots=True)
class Room:
    """What one host offers.

    Attributes:
        host: its name.
        slots: jobs at once, 0 or more.
        speed: of one slot, above 0.
        toolchains: fingerprints of its compilers; empty: unknown.
        loopback: it can be reached from the registry's own machine only.
    """

    host: str
    slots: int
    speed: float = 1.0
    toolchains: frozenset[str] = frozenset()
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """What one build asks for.

    Attributes:
        build: its id.
        want: slots it could use.
        own: name of the host that is its own machine; "" when that does not lend.
        toolchains: fingerprints it needs; empty: any host will do.
        loopback: it runs on the registry's own machine.
        weight: its share compared with others, above 0.
    """

    build: str
    want: int
    own: str = ""
    toolchains: frozenset[str] = frozenset()
    loopback: bool = False
    weight: float = 1.0


@dataclass(slots=True, eq=False)
class _Pool:
    """Slots that are alike for every build.

    Attributes:
        like: a room that stands for all.
        owners: builds whose own machine this is and who need it.
        rooms: slots by host, until they are given to builds.
        free: slots not given yet.
        held: slots given, by build.
    """

    like: Room
    owners: frozenset[str] = frozenset()
    rooms: dict[str, int] = field(default_factory=dict[str, int])
    free: int = 0
    held: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, host: str, slots: int) -> None:
        self.rooms[host] = slots
        self.free += slots


def suits(claim: Claim, room: Room) -> bool:
    """Tell whether a host can serve a build: it has the toolchain, as far as known, and can be reached."""
    known = not room.toolchains or not claim.toolchains or not room.toolchains.isdisjoint(claim.toolchains)
    return known and (claim.loopback or not room.loopback)


def divide(rooms: Iterable[Room], claims: Sequence[Claim], last: Division) -> Division:
    """Divide the slots of all hosts among all builds.

    Args:
        rooms: the hosts, in any order.
        claims: the builds; of two equally poor ones the first comes first.
        last: the previous division, which the new one disturbs as little as fairness allows. It may name builds and
            hosts that are gone.
    """
    pools = _pools(rooms, claims)
    _Filling(pools, claims, last).run()
    result: dict[str, dict[str, int]] = {claim.build: {} for claim in claims}
    keep = {claim.build: dict(last.get(claim.build, {})) for claim in claims}
    for pool in pools:
        _spread(pool, result, keep)
    return result


def _pools(rooms: Iterable[Room], claims: Sequence[Claim]) -> list[_Pool]:
    """Group the slots; those of a host that its own builds need stand apart from all others."""
    owners: dict[str, list[Claim]] = {}
    for claim in claims:
        owners.setdefault(claim.own, []).append(claim)
    reserved: list[_Pool] = []
    open_to_all: dict[tuple[float, frozenset[str], bool], _Pool] = {}
    for room in sorted(rooms, key=lambda room: room.host):
        own = [claim for claim in owners.get(room.host, ()) if suits(claim, room)]
        needed = min(room.slots, sum(claim.want for claim in own))
        if needed:
            pool = _Pool(room, frozenset(claim.build for claim in own))
            pool.add(room.host, needed)
            reserved.append(pool)
        if room.slots > needed:
            kind = (room.speed, room.toolchains, room.loopback)
            open_to_all.setdefault(kind, _Pool(room)).add(room.host, room.slots - needed)
    return reserved + list(open_to_all.values())


class _Filling:
    """Gives slot after slot to the poorest build, as a number for each pool."""

    def __init__(self, pools: list[_Pool], claims: Sequence[Claim], last: Division) -> None:
        self._claims = {claim.build: claim for claim in claims}
        self._rank = {claim.build: rank for rank, claim in enumerate(claims)}
        self._choice = {claim.build: _in_order_of_choice(claim, pools, last) for claim in claims}
        self._next = dict.fromkeys(self._claims, 0)
        self._left = {claim.build: claim.want for claim in claims}
        self._capacity = dict.fromkeys(self._claims, 0.0)
        self._poorest = [self._entry(claim.build) for claim in claims if claim.want]

    def run(self) -> None:
        while self._poorest:
            build = heapq.heappop(self._poorest)[2]
            pool = self._first_free(build)
            if pool is not None:
                count = self._count(build, pool)
                pool.free -= count
                pool.held[build] += count
                self._note(build, pool, count)
            elif not self._make_room(build):
                continue
            if self._left[build]:
                heapq.heappush(self._poorest, self._entry(build))

    def _entry(self, build: str) -> tuple[float, int, str]:
        return (self._capacity[build] / self._claims[build].weight, self._rank[build], build)

    def _note(self, build: str, pool: _Pool, count: int) -> None:
        self._capacity[build] += count * pool.like.speed
        self._left[build] -= count

    def _first_free(self, build: str) -> _Pool | None:
        """The best pool with a free slot. A full pool stays full, so the search never goes back."""
        choice = self._choice[build]
        while self._next[build] < len(choice):
            pool = choice[self._next[build]]
            if pool.free:
                return pool
            self._next[build] += 1
        return None

    def _count(self, build: str, pool: _Pool) -> int:
        """How many slots the build gets before another one is poorer."""
        most = min(pool.free, self._left[build])
        if not self._poorest:
            return most
        behind = self._poorest[0][0] * self._claims[build].weight - self._capacity[build]
        return max(1, min(most, int(behind / pool.like.speed)))

    def _make_room(self, build: str) -> bool:
        """Give `build` one slot of a full pool by moving others along a shortest chain that ends at a free slot."""
        moved: dict[_Pool, tuple[str, _Pool] | None] = dict.fromkeys(self._choice[build])
        queue = list(moved)
        for full in queue:
            for mover in sorted((one for one, held in full.held.items() if held), key=self._rank.__getitem__):
                for pool in self._choice[mover]:
                    if pool in moved:
                        continue
                    moved[pool] = (mover, full)
                    if pool.free:
                        self._move_along(build, pool, moved)
                        return True
                    queue.append(pool)
        return False

    def _move_along(self, build: str, pool: _Pool, moved: Mapping[_Pool, tuple[str, _Pool] | None]) -> None:
        pool.free -= 1
        while (step := moved[pool]) is not None:
            mover, source = step
            pool.held[mover] += 1
            source.held[mover] -= 1
            self._capacity[mover] += pool.like.speed - source.like.speed
            pool = source
        pool.held[build] += 1
        self._note(build, pool, 1)
        self._poorest = [self._entry(waiting) for _, _, waiting in self._poorest]
        heapq.heapify(self._poorest)


def _in_order_of_choice(claim: Claim, pools: Sequence[_Pool], last: Division) -> list[_Pool]:
    """The pools that suit a build, best first."""
    had = last.get(claim.build, {})

    def key(pool: _Pool) -> tuple[bool, bool, float, int]:
        mine = claim.build in pool.owners
        kept = sum(slots for host, slots in had.items() if host in pool.rooms)
        return (not mine, bool(pool.owners), -pool.like.speed, -kept)

    return sorted((pool for pool in pools if suits(claim, pool.like)), key=key)


def _spread(pool: _Pool, result: Mapping[str, dict[str, int]], keep: Mapping[str, dict[str, int]]) -> None:
    """Give each build its slots of a pool on hosts: where it had them, then where most is free."""
    builds = [build for build in result if pool.held.get(build)]
    for build in builds:
        for host, had in keep[build].items():
            kept = min(had, pool.rooms.get(host, 0), pool.held[build])
            keep[build][host] -= kept
            _give(pool, build, host, kept, result[build])
    freest = [(-free, host) for host, free in pool.rooms.items() if free]
    heapq.heapify(freest)
    for build in builds:
        while pool.held[build]:
            free, host = freest[0]
            _give(pool, build, host, 1, result[build])
            if free == -1:
                heapq.heappop(freest)
            else:
                heapq.heapreplace(freest, (free + 1, host))


def _give(pool: _Pool, build: str, host: str, count: int, hosts: dict[str, int]) -> None:
    if count:
        pool.rooms[host] -= count
        pool.held[build] -= count
        hosts[host] = hosts.get(host, 0) + count
