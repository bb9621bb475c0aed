"""The wire's messages to the scheduler's requests, and its replies back to messages. No rules here, only words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from farmhand.distcc.toolchain import compilers
from farmhand.scheduling import requests as brain
from farmhand.scheduling.leases import Lease, Offer, Order
from farmhand.wire import farm, ticket

STATUS: Mapping[brain.Why, int] = {
    brain.Why.FOREIGN: 403,
    brain.Why.STALE: 409,
    brain.Why.TAKEN: 409,
    brain.Why.NOT_YOURS: 403,
    brain.Why.UNKNOWN: 404,
    brain.Why.FULL: 429,
}
"""How HTTP calls each refusal."""

NEWS: Mapping[brain.What, str] = {
    brain.What.CAME: "host",
    brain.What.CHANGED: "host",
    brain.What.LEFT: "host",
    brain.What.EXPIRED: "host",
    brain.What.DIVIDED: "share",
}
"""What is told to everybody, and as which kind of `FarmChanged`. The coming and going of single grants is not."""


def order(message: farm.Order) -> Order:
    """Read an order key."""
    return Order(message.epoch, message.generation, message.seq)


def beat(name: str, message: farm.HostBeat, peer: str) -> brain.Beat:
    """Read a host's beat that came from the address `peer`."""
    offer = Offer(
        peer,
        message.port,
        message.slots,
        message.used,
        message.cores,
        message.others_cpu,
        _toolchains(message.toolchains),
    )
    return brain.Beat(name, order(message.order), message.key, peer, message.address, offer)


def leased(reply: brain.Leased, instance: str, now: float, stretch: float) -> farm.LeaseAnswer:
    """Write the answer to a beat; `stretch`, about 1.0, keeps hosts from beating all at once."""
    return farm.LeaseAnswer(instance, reply.lease, reply.ttl, reply.beat_in * stretch, now, reply.granted)


def granted(reply: brain.Granted, instance: str, now: float, stretch: float) -> farm.GrantAnswer:
    """Write the answer to a build, with tickets that are good until the grant ends."""
    shares = tuple(_share(portion, reply, now) for portion in reply.portions)
    return farm.GrantAnswer(instance, reply.id, reply.ttl, reply.renew_in * stretch, shares)


def public_id(grant: str) -> str:
    """Name a grant to those who may not renew or release it, such as the hosts that read its tickets.

    Args:
        grant: the id that the build alone knows; as random as it is, its hash does not lead back to it.

    Returns:
        The first 64 bits of its SHA-256 in 16 hex digits.
    """
    return hashlib.sha256(grant.encode()).hexdigest()[:16]


def host_view(lease: Lease, now: float) -> farm.HostView:
    """Write a host as everybody may see it."""
    offer = lease.offer
    return farm.HostView(
        name=lease.name,
        address=offer.address,
        port=offer.port,
        slots=offer.slots,
        used=offer.used,
        state="lent",
        cores=offer.cores,
        others_cpu=offer.others_cpu,
        toolchains=compilers(offer.toolchains),
        age=max(now - lease.heard, 0.0),
    )


def news(change: brain.Change) -> farm.FarmChanged | None:
    """Write a change as everybody may hear of it; None when it is nobody's business."""
    match NEWS.get(change.what):
        case "host":
            return farm.FarmChanged("host", change.name)
        case "share":
            return farm.FarmChanged("share", change.name)
        case _:
            return None


@lru_cache(maxsize=1024)
def _toolchains(told: tuple[str, ...]) -> frozenset[str]:
    """One set for all hosts that tell the same: they are compared with each other at every division."""
    return frozenset(told)


def _share(portion: brain.Portion, reply: brain.Granted, now: float) -> farm.Share:
    lease = portion.lease
    claims = ticket.Claims(
        host=lease.name,
        grant=public_id(reply.id),
        user=reply.user,
        project=reply.project,
        origin=reply.host,
        slots=portion.slots,
        ends=now + reply.ttl,
    )
    sealed = ticket.sign(claims, bytes.fromhex(lease.key))
    offer, told = lease.offer, tuple(sorted(lease.offer.toolchains))
    return farm.Share(lease.name, offer.address, offer.port, portion.slots, portion.speed, sealed, told)
