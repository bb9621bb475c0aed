"""Who may compile here. Pure: no sockets, no clock.

A client that shows a ticket is judged by the ticket alone; one that shows none (plain distcc) by its address, against
the live grants that the registry told of and the owner's `allow` list. Whom the owner has blocked comes in neither
way. The gate, not the registry, has the last word.

An address counts in its normal form, whoever wrote it: a client that came by an IPv6 socket, the registry, the owner, a
ticket that names a machine by it. So 10.1.0.3 and ::ffff:10.1.0.3 are one.

What a ticket says of people is shown to the owner and kept, so it is made presentable here, where it comes in.

A new admission counts for running jobs too, with one exception: a ticket that has ended. A build shows fresh tickets
with its next jobs, so a long compile's own is old long before its grant ends; a build that is over hangs up, and the
job ends by that.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from farmhand.scheduling.addresses import normal
from farmhand.text import MAX_NAME, presentable
from farmhand.wire.ticket import verify

MAPPED = 96
"""Bits in front of an IPv4 address that is written as IPv6: see RFC 4291, 2.5.5.2."""


@dataclass(frozen=True, slots=True)
class Client:
    """An admitted client.

    Attributes:
        identity: clients with the same one share a box.
        user, host, project: for people, and presentable; the address stands for an unknown host and user.
        limit: jobs at once that the grant allows; None when there is no grant.
        grant: id of the grant, presentable; "" without a ticket.
    """

    identity: str
    user: str
    host: str
    project: str = ""
    limit: int | None = None
    grant: str = ""


@dataclass(frozen=True, slots=True)
class Turned:
    """A client that must go; `reason` tells it why."""

    reason: str


@dataclass(frozen=True, slots=True)
class FarmClock:
    """The registry's monotonic clock, as last told.

    Attributes:
        told: the registry's seconds.
        heard_at: our monotonic seconds when that arrived.
    """

    told: float
    heard_at: float

    def at(self, now: float) -> float:
        """The registry's time when our monotonic clock shows `now`."""
        return self.told + now - self.heard_at


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate goes by. A new value replaces the old one whenever something is learned.

    Attributes:
        name: this host, as tickets must name it.
        key: the secret shared with the registry, 32 bytes.
        allow: networks of the owner's `allow` setting.
        granted: addresses that hold a live grant on this host.
        clock: the registry's; None until it was heard of, and until then no ticket can be judged.
        blocked: users, machines (by name or address) and identities (`user@machine`) that the owner keeps out.
    """

    name: str
    key: bytes
    allow: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    granted: frozenset[str] = field(default_factory=frozenset[str])
    clock: FarmClock | None = None
    blocked: frozenset[str] = field(default_factory=frozenset[str])

    @classmethod
    def of(cls, name: str, key: bytes, allow: Iterable[str]) -> Admission:
        """Begin with what the owner's settings say."""
        return cls(name, key, tuple(_network(text) for text in allow))

    def hear(self, told: float, granted: Iterable[str], now: float) -> Admission:
        """Take over what the registry answered at `now`."""
        return replace(self, clock=FarmClock(told, now), granted=frozenset(map(_spelled, granted)))

    def block(self, names: Iterable[str]) -> Admission:
        """Keep out exactly these users, machines and identities, each as `known_as` spells it."""
        return replace(self, blocked=frozenset(names))

    def closed_to(self, address: str) -> bool:
        """Tell whether nobody can come in from this IP address: no ticket can be judged, and it has no right itself."""
        return self.clock is None and isinstance(self.judge(address, None, 0.0), Turned)

    def judge(self, address: str, ticket: str | None, now: float) -> Client | Turned:
        """Decide on one client.

        Args:
            address: the peer's IP address.
            ticket: what it showed; None when it speaks plain distcc.
            now: monotonic seconds.
        """
        verdict = self._by_address(address) if ticket is None else self._by_ticket(ticket, now)
        if isinstance(verdict, Client) and (blocked := self._block_of(verdict)):
            return Turned(f"the owner of {self.name} has blocked {blocked}")
        return verdict

    def still_good(self, client: Client) -> bool:
        """Whether a client that was let in may stay."""
        if self._block_of(client):
            return False
        return bool(client.grant) or isinstance(self._by_address(client.host), Client)

    def _block_of(self, client: Client) -> str:
        """The word by which the owner has blocked this client; "" when none has."""
        return next((name for name in (client.identity, client.user, client.host) if name in self.blocked), "")

    def _by_ticket(self, ticket: str, now: float) -> Client | Turned:
        try:
            claims = verify(ticket, self.key)
        except ValueError as wrong:
            return Turned(str(wrong))
        if claims.host != self.name:
            return Turned(f"the ticket is for {claims.host}, this is {self.name}")
        if self.clock is None or self.clock.at(now) > claims.ends:
            return Turned("the ticket has ended")
        user, host = _told(claims.user), _spelled(_told(claims.origin))
        project, grant = presentable(claims.project), presentable(claims.grant)
        return Client(f"{user}@{host}", user, host, project, claims.slots, grant)

    def _by_address(self, text: str) -> Client | Turned:
        name = normal(text)
        address = ipaddress.ip_address(name)
        if name in self.granted or any(address in network for network in self.allow):
            return Client(identity=name, user=name, host=name)
        return Turned(f"{name} holds no grant here")


def known_as(name: str) -> str:
    """Spell a user, a machine or a `user@machine` as clients are known here: addresses in their normal form.

    Raises:
        ValueError: it can be nobody's name.
    """
    name = name.strip()
    if not name or len(name) > 2 * MAX_NAME + 1 or not name.isprintable():
        raise ValueError(f"{name!r} cannot be anybody's name")
    user, at, machine = name.rpartition("@")
    return user + at + _spelled(machine)


def _told(name: str) -> str:
    """Spell a name in a ticket so that it can be shown, and blocked by what is shown."""
    return presentable(name).strip() or "?"


def _spelled(name: str) -> str:
    """Spell a machine's name; one that is an address in its normal form."""
    try:
        return normal(name)
    except ValueError:
        return name


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read a network; one of IPv4 addresses that is written as IPv6 is that of IPv4."""
    network = ipaddress.ip_network(text, strict=False)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < MAPPED:
        return network
    return ipaddress.ip_network((mapped, network.prefixlen - MAPPED))
