"""The registry's one brain: `request -> handle(request, now) -> (reply, changes)`.

1. Every request first lets end what has ended by then: no answer rests on a lease or grant that is over.
2. What a host or a build takes back is cut from the shares at once, so nothing is over-committed for a moment.
3. What there is to gain is divided when a build asks, and else at the next `Tick`, so a large farm with many changes
   divides a few times a second and not at each of them.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import assert_never

from farmhand.machine import join_address
from farmhand.scheduling import grants, tiers
from farmhand.scheduling.addresses import is_loopback, lending_address, normal, same_machine
from farmhand.scheduling.grants import Grant, Grants
from farmhand.scheduling.leases import Full, Lease, Leases, Stale, Taken
from farmhand.scheduling.requests import (
    Ask,
    Beat,
    Change,
    Denied,
    Done,
    Granted,
    Leased,
    Leave,
    Portion,
    Release,
    Renew,
    Reply,
    Request,
    Tick,
    What,
    Why,
)
from farmhand.scheduling.share import Claim, Room, divide

Answer = tuple[Reply, tuple[Change, ...]]


class Scheduler:
    """Knows the farm: its hosts, its builds and who may use what."""

    def __init__(self) -> None:
        self._leases = Leases()
        self._grants = Grants()
        self._tiers: dict[str, int] = {}
        self._division: dict[str, dict[str, int]] = {}
        self._users: dict[str, list[str]] = {}
        self._dirty = False
        self._changes: list[Change] = []

    def hosts(self) -> list[Lease]:
        """All living leases by name, as of the latest request."""
        return sorted(self._leases.living.values(), key=lambda lease: lease.name)

    @property
    def wake_at(self) -> float:
        """When something may end that nobody renews, in seconds; infinity: nothing will."""
        return min((at for at in (self._leases.wake_at, self._grants.wake_at) if at is not None), default=inf)

    def handle(self, request: Request, now: float) -> Answer:
        """Take one request.

        Args:
            request: what is asked.
            now: seconds on a monotonic clock; never less than the time before.

        Returns:
            The reply, and what is different now, in the order in which it happened.
        """
        self._expire(now)
        reply = self._reply(request, now)
        changes, self._changes = tuple(self._changes), []
        return reply, changes

    def _reply(self, request: Request, now: float) -> Reply:
        match request:
            case Beat():
                return self._beat(request, now)
            case Leave():
                return self._leave(request, now)
            case Ask():
                return self._ask(request, now)
            case Renew():
                return self._renew(request, now)
            case Release():
                return self._release(request)
            case Tick():
                self._divide()
                return Done()
            case _:
                assert_never(request)

    def _expire(self, now: float) -> None:
        for lease in self._leases.expire(now):
            self._gone(lease, What.EXPIRED)
        for grant in self._grants.expire(now):
            self._ended(grant, What.LAPSED)

    # --- hosts --------------------------------------------------------------
    def _beat(self, beat: Beat, now: float) -> Reply:
        address = lending_address(beat.peer, beat.announced)
        if address is None:
            return Denied(
                Why.FOREIGN,
                f"{beat.announced} is not the address this message came from ({beat.peer}); a machine lends under its "
                "own address only",
            )
        before = self._leases.living.get(beat.name)
        offer, in_use = replace(beat.offer, address=address), bool(self._addresses(beat.name))
        lease = self._leases.beat(beat.name, beat.order, beat.key, offer, now, in_use)
        if not isinstance(lease, Lease):
            return _denied(beat.name, lease, Why.TAKEN, now)
        self._take_note(lease, before)
        beat_in = self._leases.pace(in_use).beat_in
        return Leased(lease.id, lease.ends - now, beat_in, self._addresses(beat.name))

    def _take_note(self, lease: Lease, before: Lease | None) -> None:
        """Find out what a beat has changed."""
        offer, last = lease.offer, self._tiers.get(lease.name)
        tier = tiers.tier(tiers.effective_speed(offer.power_index, offer.others_cpu), last)
        self._tiers[lease.name] = tier
        if before is None:
            self._changes.append(Change(What.CAME, lease.name, join_address(offer.address, offer.port)))
            self._dirty = True
            return
        same_speed = replace(before.offer, others_cpu=offer.others_cpu)
        if tier != last or same_speed != offer:
            self._changes.append(Change(What.CHANGED, lease.name))
        if tier != last or replace(same_speed, used=offer.used) != offer:
            self._dirty = True
        if replace(same_speed, used=offer.used, slots=offer.slots) != offer:
            self._cut_host(lease.name, 0)
        self._cut_host(lease.name, offer.slots)

    def _leave(self, leave: Leave, now: float) -> Reply:
        ended = self._leases.withdraw(leave.name, leave.order, leave.key, now, leave.peer)
        if isinstance(ended, Stale | Taken | Full):
            return _denied(leave.name, ended, Why.NOT_YOURS, now)
        if ended is not None:
            self._gone(ended, What.LEFT)
        return Done()

    def _gone(self, lease: Lease, what: What) -> None:
        self._changes.append(Change(what, lease.name, lease.offer.address))
        self._cut_host(lease.name, 0)
        del self._tiers[lease.name]
        self._dirty = True

    def _addresses(self, host: str) -> tuple[str, ...]:
        living = self._grants.living
        return tuple(sorted({living[id].address for id in self._users.get(host, ()) if id in living}))

    # --- builds -------------------------------------------------------------
    def _ask(self, ask: Ask, now: float) -> Reply:
        address = normal(ask.peer)
        if not self._grants.has_room_for(address):
            return Denied(Why.FULL, "too many builds hold grants; try again when some have ended")
        grant = Grant(ask.id, ask.user, ask.project, ask.host, address, ask.want, ask.toolchains, ends=now + grants.TTL)
        self._grants.open(grant)
        self._dirty = True
        self._changes.append(Change(What.OPENED, ask.id, f"{ask.user} builds {ask.project} on {ask.host} at {address}"))
        self._divide()
        return self._granted(grant)

    def _renew(self, renew: Renew, now: float) -> Reply:
        before = self._grants.living.get(renew.id)
        grant = self._grants.renew(renew.id, renew.want, now)
        if grant is None or before is None:
            return Denied(Why.UNKNOWN, "there is no such grant, or it has ended; ask for a new one")
        if grant.want != before.want:
            self._dirty = True
            self._cut_build(grant.id, grant.want)
        return self._granted(grant)

    def _granted(self, grant: Grant) -> Reply:
        return Granted(
            grant.id,
            grant.user,
            grant.project,
            grant.host,
            grants.TTL,
            grants.RENEW_IN,
            self._portions(grant.id),
        )

    def _release(self, release: Release) -> Reply:
        grant = self._grants.release(release.id)
        if grant is not None:
            self._ended(grant, What.RELEASED)
        return Done()

    def _ended(self, grant: Grant, what: What) -> None:
        self._dirty = True
        self._changes.append(Change(what, grant.id, f"{grant.user} built {grant.project} on {grant.host}"))

    # --- sharing ------------------------------------------------------------
    def _divide(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        rooms = [
            Room(
                lease.name,
                lease.offer.slots,
                tiers.tier_speed(self._tiers[lease.name]),
                lease.offer.toolchains,
                is_loopback(lease.offer.address),
            )
            for lease in self._leases.living.values()
        ]
        division = divide(rooms, [self._claim(grant) for grant in self._grants.living.values()], self._division)
        if division != self._division:
            self._changes.append(Change(What.DIVIDED))
        self._division = {build: dict(hosts) for build, hosts in division.items()}
        self._users = {}
        for build, hosts in division.items():
            for host in hosts:
                self._users.setdefault(host, []).append(build)

    def _cut_host(self, host: str, slots: int) -> None:
        """Let builds use no more than `slots` of a host; the newest build gives way first."""
        shares = [(build, self._division[build]) for build in self._users.get(host, ())]
        over = sum(hosts.get(host, 0) for _, hosts in shares) - slots
        for _, hosts in reversed(shares):
            over -= self._cut(hosts, host, over)

    def _cut_build(self, build: str, want: int) -> None:
        """Let a build use no more than `want` slots; it gives the slowest host's first."""
        hosts = self._division[build]
        over = sum(hosts.values()) - want
        for portion in reversed(self._portions(build)):
            over -= self._cut(hosts, portion.lease.name, over)

    def _cut(self, hosts: dict[str, int], host: str, most: int) -> int:
        """Take up to `most` slots of a host from a build; returns how many."""
        count = min(hosts.get(host, 0), max(most, 0))
        if count:
            hosts[host] -= count
            if not hosts[host]:
                del hosts[host]
            self._changes.append(Change(What.DIVIDED))
        return count

    def _claim(self, grant: Grant) -> Claim:
        """A build's own machine lends under its name and from its address; the name alone proves nothing."""
        own = self._leases.living.get(grant.host)
        is_own = own is not None and same_machine(own.offer.address, grant.address)
        return Claim(grant.id, grant.want, grant.host if is_own else "", grant.toolchains, is_loopback(grant.address))

    def _portions(self, build: str) -> tuple[Portion, ...]:
        slowest = min(self._tiers.values(), default=0)
        portions = [
            Portion(self._leases.living[host], slots, tiers.tier_speed(self._tiers[host] - slowest))
            for host, slots in self._division[build].items()
        ]
        return tuple(sorted(portions, key=lambda portion: (-portion.speed, portion.lease.name)))


def _denied(name: str, reason: Stale | Taken | Full, taken: Why, now: float) -> Denied:
    """Put into words why a host's message counts for nothing; `taken` is what a lost race for the name is called."""
    match reason:
        case Taken(holder):
            where = join_address(holder.offer.address, holder.offer.port)
            return Denied(
                taken,
                f"{name} is lent by another agent at {where}; give this "
                f"machine another name, or wait {holder.ends - now:.0f} s to see whether that agent falls silent",
            )
        case Stale(known, withdrawn):
            state = "withdrawn" if withdrawn else "known"
            return Denied(
                Why.STALE,
                f"the message is not newer than what is {state} of {name}: epoch {known.epoch}, generation "
                f"{known.generation}, seq {known.seq}",
            )
        case Full():
            return Denied(Why.FULL, f"too many hosts are known already; {name} may come when others have left")
        case _:
            assert_never(reason)
