"""Who may compile here. Pure: no sockets, no clock.

A client that shows a ticket is judged by the ticket alone; one that shows none (plain distcc) by its address, against
the live grants that the registry told of and the owner's `allow` list. The gate, not the registry, has the last word.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from farmhand.wire.ticket import verify


@dataclass(frozen=True, slots=True)
class Client:
    """An admitted client.

    Attributes:
        identity: clients with the same one share a box.
        user, host, project: for people; the address stands for an unknown host and user.
        limit: jobs at once that the grant allows; None when there is no grant.
        grant: id of the grant; "" without a ticket.
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
        clock: the registry's; None until it was heard of, and then no ticket can be judged.
    """

    name: str
    key: bytes
    allow: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    granted: frozenset[str] = field(default_factory=frozenset[str])
    clock: FarmClock | None = None

    @classmethod
    def of(cls, name: str, key: bytes, allow: Iterable[str]) -> Admission:
        """Begin with what the owner's settings say."""
        return cls(name, key, tuple(ipaddress.ip_network(text, strict=False) for text in allow))

    def hear(self, told: float, granted: Iterable[str], now: float) -> Admission:
        """Take over what the registry answered at `now`."""
        return replace(self, clock=FarmClock(told, now), granted=frozenset(granted))

    def judge(self, address: str, ticket: str | None, now: float) -> Client | Turned:
        """Decide on one client.

        Args:
            address: the peer's IP address.
            ticket: what it showed; None when it speaks plain distcc.
            now: monotonic seconds.
        """
        return self._by_address(address) if ticket is None else self._by_ticket(ticket, now)

    def still_good(self, client: Client, now: float) -> bool:
        """Whether a client without a ticket would be admitted again; tickets were good when their job began."""
        return bool(client.grant) or isinstance(self._by_address(client.host), Client)

    def _by_ticket(self, ticket: str, now: float) -> Client | Turned:
        try:
            claims = verify(ticket, self.key)
        except ValueError as wrong:
            return Turned(str(wrong))
        if claims.host != self.name:
            return Turned(f"the ticket is for {claims.host}, this is {self.name}")
        if self.clock is None or self.clock.at(now) > claims.ends:
            return Turned("the ticket has ended")
        identity = f"{claims.user}@{claims.origin}"
        return Client(identity, claims.user, claims.origin, claims.project, claims.slots, claims.grant)

    def _by_address(self, text: str) -> Client | Turned:
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        name = str(address)
        if name in self.granted or any(address in network for network in self.allow):
            return Client(identity=name, user=name, host=name)
        return Turned(f"{name} holds no grant here")
