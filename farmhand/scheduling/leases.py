"""Leases: which host lends what, until when, and whose word counts.

1. Messages of one host carry an order key. One that is older than what is known changes nothing, and neither does a
   repeated one: no order of delivery resurrects or removes a host.
2. While a lease lives, only the holder of its key may renew or withdraw it.
3. A lease that is not renewed ends by itself, on the registry's clock.
4. What has ended leaves a tombstone for ten times the lease's length. A later message brings an expired host back; a
   withdrawn one comes back with a new generation only.
5. What is remembered of hosts, living and dead, has a bound for each source and one for all together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from farmhand.scheduling.addresses import source_of
from farmhand.scheduling.deadlines import Deadlines
from farmhand.scheduling.quota import Quota

SMALL_FARM = 1000
"""Hosts of a farm in which `BEAT_IN_USE` and `BEAT_AT_REST` hold."""

BEAT_IN_USE = 2.0
"""Seconds between two reports of a host that some build may use: whether it lives decides about running jobs."""

BEAT_AT_REST = 4.0
"""The same of one that none may use: its owner pays for each report, and nobody waits for it."""

BEAT_IN_CROWD = 5.0
"""The same in a farm that is not small."""

BEATS_PER_TTL = 3
TTLS_PER_TOMBSTONE = 10

MAX_NAMES = 20_000
"""Names of hosts, living and dead, that are remembered at most: an endless supply of new ones fills no memory."""

MAX_NAMES_EACH = 2048
"""Those of one source, be it a gateway with a thousand hosts behind it: it leaves room for the others."""

MAX_TOLD = 12 << 20
"""Bytes of memory for the toolchains of all hosts, and about what they take in the list that everybody may ask for."""

MAX_TOLD_EACH = 3 << 20
"""The same for the hosts of one source."""

TOOLCHAIN_COSTS = 64
"""Bytes of memory for a toolchain beside its letters."""


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """Which of two messages is the later one; compared field by field.

    Attributes:
        epoch: raised at every start of the agent.
        generation: raised at every lend and reclaim.
        seq: raised with every message.
    """

    epoch: int
    generation: int
    seq: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a host lends.

    Attributes:
        address, port: where its gate listens.
        slots: compile jobs at once.
        used: jobs running now.
        cores: logical processors.
        others_cpu: share of all cores, 0..1, that the owner's programs use.
        toolchains: fingerprints of its compilers; empty: unknown.
        power_index: how fast it compiles, relative to the slowest host; 1.0 until measured.
    """

    address: str
    port: int
    slots: int
    used: int = 0
    cores: int = 1
    others_cpu: float = 0.0
    toolchains: frozenset[str] = frozenset()
    power_index: float = 1.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A host's promise.

    Attributes:
        id: unique while the registry runs; the same through all renewals.
        name: of the host.
        key: the secret shared by registry and host, in hex.
        order: of the latest message.
        offer: what is lent.
        heard: seconds, when that message came.
        ends: seconds, when the lease ends unless it is renewed.
    """

    id: str
    name: str
    key: str
    order: Order
    offer: Offer
    heard: float
    ends: float


@dataclass(frozen=True, slots=True)
class Stale:
    """The message is older than what is known. `known` is the order key it would have to exceed."""

    known: Order
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else holds the name."""

    holder: Lease


@dataclass(frozen=True, slots=True)
class Full:
    """No more names can be remembered."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often hosts report.

    Attributes:
        beat_in: seconds between two reports of one host.
        ttl: seconds a lease lives without one.
    """

    beat_in: float
    ttl: float


@dataclass(frozen=True, slots=True)
class _Tombstone:
    order: Order
    withdrawn: bool

    def bars(self, order: Order) -> bool:
        if self.withdrawn:
            return (order.epoch, order.generation) <= (self.order.epoch, self.order.generation)
        return order <= self.order


def pace(hosts: int, in_use: bool) -> Pace:
    """The pace of a host.

    Args:
        hosts: all of the farm: in a large one each reports less often.
        in_use: whether some build may use it.
    """
    small = BEAT_IN_USE if in_use else BEAT_AT_REST
    beat_in = small if hosts <= SMALL_FARM else BEAT_IN_CROWD
    return Pace(beat_in, BEATS_PER_TTL * beat_in)


class Leases:
    """All living leases, and the tombstones of the ended ones."""

    def __init__(self) -> None:
        self.living: dict[str, Lease] = {}
        self._tombstones: dict[str, _Tombstone] = {}
        self._names = Quota(MAX_NAMES, MAX_NAMES_EACH)
        self._told = Quota(MAX_TOLD, MAX_TOLD_EACH)
        self._lease_ends = Deadlines()
        self._tombstone_ends = Deadlines()
        self._count = 0

    @property
    def wake_at(self) -> float | None:
        """When a lease may end, in seconds; None: there is none."""
        return self._lease_ends.wake_at

    def pace(self, in_use: bool) -> Pace:
        """What the registry asks of a host now that some build may use, or none."""
        return pace(len(self.living), in_use)

    def beat(
        self, name: str, order: Order, key: str, offer: Offer, now: float, in_use: bool = False
    ) -> Lease | Stale | Taken | Full:
        """Grant or renew a lease.

        Args:
            name: the host.
            order: the message's place among all messages of this host.
            key: the host's secret, in hex.
            offer: what it lends.
            now: seconds on the registry's clock. What has ended by then must have been taken out with `expire`.
            in_use: whether some build may use the host.

        Returns:
            The lease as it is afterwards (unchanged when the message was known already), or why there is none.
        """
        held = self.living.get(name)
        tombstone = self._tombstones.get(name)
        if held is not None and held.key != key:
            return Taken(held)
        if held is not None and order <= held.order:
            return held if order == held.order else Stale(held.order, withdrawn=False)
        if tombstone is not None and tombstone.bars(order):
            return Stale(tombstone.order, tombstone.withdrawn)
        source, told = source_of(offer.address), sum(len(one) + TOOLCHAIN_COSTS for one in offer.toolchains)
        if not (self._names.fits(name, source, 1) and self._told.fits(name, source, told)):
            return Full()
        ends = now + self.pace(in_use).ttl
        if held is None:
            self._count += 1
            lease = Lease(f"{name}-{self._count}", name, key, order, offer, now, ends)
        else:
            lease = replace(held, order=order, offer=offer, heard=now, ends=ends)
        self._tombstones.pop(name, None)
        self._tombstone_ends.drop(name)
        self._names.put(name, source, 1)
        self._told.put(name, source, told)
        self.living[name] = lease
        self._lease_ends.put(name, ends)
        return lease

    def withdraw(
        self, name: str, order: Order, key: str, now: float, address: str
    ) -> Lease | Stale | Taken | Full | None:
        """End a lease because its host says so; the arguments are those of `beat`, and where the message came from.

        Returns:
            The lease that has ended by this, None when there was none (the message still bars all earlier ones), or
            why the message counts for nothing.
        """
        held = self.living.get(name)
        tombstone = self._tombstones.get(name)
        if held is not None and held.key != key:
            return Taken(held)
        if held is not None and order < held.order:
            return Stale(held.order, withdrawn=False)
        if tombstone is not None and order < tombstone.order:
            return Stale(tombstone.order, tombstone.withdrawn)
        source = self._names.source(name) or source_of(address)
        if not self._names.fits(name, source, 1):
            return Full()
        self._names.put(name, source, 1)
        self._bury(name, _Tombstone(order, withdrawn=True), now)
        return held

    def expire(self, now: float) -> list[Lease]:
        """Take out and return what nobody renewed in time; costs nothing while there is nothing."""
        for name in self._tombstone_ends.due(now):
            del self._tombstones[name]
            self._names.drop(name)
        expired = [self.living[name] for name in self._lease_ends.due(now)]
        for lease in expired:
            self._bury(lease.name, _Tombstone(lease.order, withdrawn=False), now)
        return expired

    def _bury(self, name: str, tombstone: _Tombstone, now: float) -> None:
        self.living.pop(name, None)
        self._lease_ends.drop(name)
        self._told.drop(name)
        self._tombstones[name] = tombstone
        self._tombstone_ends.put(name, now + TTLS_PER_TOMBSTONE * self.pace(in_use=False).ttl)
