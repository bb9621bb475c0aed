"""Who may use which slots: weighted max-min fairness over capacity, after Bertsekas and Gallager, Data Networks, 6.5.2.

1. Capacity of a slot is the speed of its host. Nobody gets more of it for its weight while one who wants more has less
   (see `filling`).
2. A build takes its own machine's slots first, then those of the fastest host. Nobody is sent to a machine that its own
   user needs while there is room elsewhere.
3. Of equally fast hosts a build keeps those it had; the rest goes where most is free.
4. No host gives more than it offers, and none serves a build whose toolchain it lacks or that cannot reach it.

Hosts that are alike for every build form one pool; slots are divided by pools and then spread over the hosts, so the
work grows with the slots in use, not with builds x hosts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from farmhand.scheduling.filling import Filling, Pool, Seeker

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
    Filling(_seekers(pools, claims, last)).run(pools)
    result: dict[str, dict[str, int]] = {claim.build: {} for claim in claims}
    keep = {claim.build: dict(last.get(claim.build, {})) for claim in claims}
    for pool in sorted(pools, key=lambda pool: not pool.owners):  # one host each: what was kept there is no choice
        _spread(pool, result, keep)
    return result


def _pools(rooms: Iterable[Room], claims: Sequence[Claim]) -> Mapping[Pool, Room]:
    """Group the slots, each pool with a room that stands for all: the fastest first, then those reserved.

    Slots of a host that its own builds need stand apart from all others.
    """
    owners: dict[str, list[Claim]] = {}
    for claim in claims:
        owners.setdefault(claim.own, []).append(claim)
    reserved: dict[Pool, Room] = {}
    open_to_all: dict[tuple[float, frozenset[str], bool], tuple[Pool, Room]] = {}
    for room in sorted(rooms, key=lambda room: (-room.speed, room.host)):
        own = [claim for claim in owners.get(room.host, ()) if suits(claim, room)]
        needed = min(room.slots, sum(claim.want for claim in own))
        if needed:
            pool = Pool(room.speed, frozenset(claim.build for claim in own))
            pool.add(room.host, needed)
            reserved[pool] = room
        if room.slots > needed:
            kind = (room.speed, room.toolchains, room.loopback)
            open_to_all.setdefault(kind, (Pool(room.speed), room))[0].add(room.host, room.slots - needed)
    return dict(open_to_all.values()) | reserved


def _seekers(pools: Mapping[Pool, Room], claims: Sequence[Claim], last: Division) -> Mapping[str, Seeker]:
    """Each build with the pools that suit it: its own, then fast ones, then those it had; others' own come last."""
    pools_of: dict[str, list[Pool]] = {}
    for pool in pools:
        for host in pool.rooms:
            pools_of.setdefault(host, []).append(pool)
    suitable: dict[tuple[frozenset[str], bool], dict[Pool, None]] = {}
    seekers: dict[str, Seeker] = {}
    for claim in claims:
        kind = (claim.toolchains, claim.loopback)
        if kind not in suitable:
            suitable[kind] = {pool: None for pool, room in pools.items() if suits(claim, room)}
        kept: dict[Pool, int] = {}
        for host, slots in last.get(claim.build, {}).items():
            for pool in pools_of.get(host, ()):
                kept[pool] = kept.get(pool, 0) + slots
        choice = _in_order_of_choice(claim.build, suitable[kind], kept)
        seekers[claim.build] = Seeker(claim.want, claim.weight, choice, suitable[kind].keys())
    return seekers


def _in_order_of_choice(build: str, suitable: Iterable[Pool], kept: Mapping[Pool, int]) -> Sequence[Pool]:
    def key(pool: Pool) -> tuple[bool, bool, float, int]:
        return (build not in pool.owners, bool(pool.owners), -pool.speed, -kept.get(pool, 0))

    return sorted(suitable, key=key)


def _spread(pool: Pool, result: Mapping[str, dict[str, int]], keep: Mapping[str, dict[str, int]]) -> None:
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


def _give(pool: Pool, build: str, host: str, count: int, hosts: dict[str, int]) -> None:
    if count:
        pool.rooms[host] -= count
        pool.held[build] -= count
        hosts[host] = hosts.get(host, 0) + count
