"""The agent's word with the registry: beats and withdrawals, off the event loop, in an order that cannot be mistaken.

Every message carries `(epoch, generation, seq)`: the epoch is raised on disk before its first use, so a message of an
earlier life of this agent never undoes one of this life. Losing the registry never stops a running job.

The registry lists the address from which it was told. So a beat comes from one at which the gate listens: a gate that
listens on IPv4 alone is registered with its IPv4 address, whatever else the registry's name resolves to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from msgspec.structs import replace

from farmhand.distcc.toolchain import announced
from farmhand.errors import PeerError, Refused
from farmhand.lending.events import Event, Joined, TurnedAway
from farmhand.links.toolchains import fingerprints
from farmhand.scheduling.addresses import is_loopback
from farmhand.wire.farm import HostBeat, HostLeave, LeaseAnswer, Order
from farmhand_agent.gate.sockets import EVERYWHERE, EVERYWHERE_BY_IPV4

if TYPE_CHECKING:
    from farmhand.links.registry import RegistryLink

RETRY_AFTER = 2.0
"""Seconds until a registry that did not answer is asked again."""

CLOSING = 2.0
"""Seconds that a leaving agent gives the registry to hear of it."""


def is_this_machine(url: str) -> bool:
    """Tell whether a URL names this machine by a loopback address or `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return is_loopback(host)
    except ValueError:
        return host == "localhost"


def source_of_beats(gate: str, url: str) -> str | None:
    """The address from which to call the registry.

    Args:
        gate: the IP address on which the gate listens.
        url: the registry's.

    Returns:
        An address of this machine; 0.0.0.0 stands for any of IPv4; None for any at all.
    """
    if gate == EVERYWHERE or (is_loopback(gate) and is_this_machine(url)):  # all of loopback is one machine
        return None
    return gate


@dataclass(frozen=True, slots=True)
class Offer:
    """What the gate offers at the moment of a beat.

    Attributes:
        address, port: where it listens.
        slots, used: jobs at once, and running.
        cores: of the machine.
        others_cpu: share of all cores, 0..1, that the owner's programs use.
    """

    address: str
    port: int
    slots: int
    used: int
    cores: int
    others_cpu: float


class Farm(Protocol):
    """A farm to which the machine can be lent."""

    @property
    def trouble(self) -> str:
        """Why the farm does not know this machine although it should; "" when all is well."""
        ...

    async def beat(self, offer: Offer) -> Event:
        """Get or renew the lease: Joined or TurnedAway."""
        ...

    def look_again(self) -> None:
        """Find out anew which compilers the machine has; returns at once."""
        ...

    def withdraw(self) -> None:
        """Tell the farm that the lease is over; returns at once."""
        ...

    async def close(self) -> None:
        """Say what is still unsaid, briefly, and hang up."""
        ...


class NoFarm:
    """A machine without a registry: it lends to builds of its own and to whoever the owner allows."""

    trouble = ""

    async def beat(self, offer: Offer) -> Event:
        """Always joined, never to be renewed."""
        return Joined("alone", float("inf"))

    def look_again(self) -> None:
        """Nobody asks."""

    def withdraw(self) -> None:
        """Nobody needs to know."""

    async def close(self) -> None:
        """Nothing is open."""


class RegistryFarm:
    """A farm with a registry.

    Args:
        url: the registry's.
        name: this host's.
        key: the secret shared with the registry, 32 bytes in hex.
        epoch: see `Order`; larger than at any start before.
        heard: called with (registry's clock, granted addresses, our monotonic seconds) after every answer.
        compilers: finds out which compilers the machine has now, as fingerprints by name; called off the event loop.
    """

    def __init__(
        self,
        url: str,
        name: str,
        key: str,
        epoch: int,
        heard: Callable[[float, tuple[str, ...], float], None],
        compilers: Callable[[], Mapping[str, str]] = fingerprints,
    ) -> None:
        self.trouble = ""
        self._key = key
        self._url = url
        self._name = name
        self._heard = heard
        self._order = Order(epoch, 1, 0)
        self._compilers = compilers
        self._toolchains: tuple[str, ...] = ()
        self._looked_in = 0  # the generation in which the compilers were last looked at
        self._beats: RegistryLink | None = None
        self._beating = ThreadPoolExecutor(1, "registry-beat")
        self._leaving = ThreadPoolExecutor(1, "registry-leave")  # a withdrawal never waits behind a slow beat
        self._beating.submit(self._look, 0)  # long before the first beat: a first look takes a second

    async def beat(self, offer: Offer) -> Event:
        """Get or renew the lease."""
        self._order = Order(self._order.epoch, self._order.generation, self._order.seq + 1)
        beat = HostBeat(
            order=self._order,
            key=self._key,
            port=offer.port,
            slots=offer.slots,
            used=min(offer.used, offer.slots),
            cores=offer.cores,
            others_cpu=offer.others_cpu,
            address=None if offer.address in (EVERYWHERE, EVERYWHERE_BY_IPV4) else offer.address,
        )
        source = source_of_beats(offer.address, self._url)
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._beating, self._send_beat, beat, source)
        except PeerError as wrong:
            self.trouble = str(wrong)
            return TurnedAway(RETRY_AFTER)
        self.trouble = ""
        self._heard(answer.now, answer.granted, time.monotonic())
        return Joined(answer.lease, answer.beat_in)

    def look_again(self) -> None:
        """Find out anew which compilers the machine has, for the next beat."""
        self._beating.submit(self._look, self._order.generation)

    def withdraw(self) -> None:
        """Tell the registry, on a thread of its own."""
        last = self._order
        leave = HostLeave(Order(last.epoch, last.generation, last.seq + 1), self._key)
        self._order = Order(last.epoch, last.generation + 1, 0)  # what comes next is a new lending
        self._leaving.submit(self._send_leave, leave)

    async def close(self) -> None:
        """Wait for a withdrawal under way, at most `CLOSING` seconds."""
        last = asyncio.get_running_loop().run_in_executor(self._leaving, lambda: None)
        await asyncio.wait((last,), timeout=CLOSING)
        self._beating.shutdown(wait=False, cancel_futures=True)
        self._leaving.shutdown(wait=False, cancel_futures=True)

    def _look(self, generation: int) -> None:
        self._toolchains, self._looked_in = announced(self._compilers()), generation

    def _send_beat(self, beat: HostBeat, source: str | None) -> LeaseAnswer:
        if beat.order.generation != self._looked_in:
            self._look(beat.order.generation)  # compilers may have changed since the machine was last lent
        beat = replace(beat, toolchains=self._toolchains)
        if self._beats is None:
            self._beats = self._link(source)
        return self._beats.beat(self._name, beat)

    def _send_leave(self, leave: HostLeave) -> None:
        link = self._link(None)
        try:
            link.leave(self._name, leave)
        except Refused as refused:
            self.trouble = str(refused)
        except PeerError:
            pass  # the lease ends by itself; the gate is shut already
        finally:
            link.close()

    def _link(self, source: str | None) -> RegistryLink:
        # urllib3 costs megabytes and time: an agent that never lends never loads it
        from farmhand.links.registry import RegistryLink

        return RegistryLink(self._url, source_address=source)
