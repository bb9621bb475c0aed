"""What the scheduler hears (requests), answers (replies) and reports (changes). Values only."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from farmhand.scheduling.leases import Lease, Offer, Order


# --- requests ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Beat:
    """A host lends.

    Attributes:
        name: the host.
        order, key: see `leases`.
        peer: the address the message came from.
        announced: the address where the gate listens, as the host says; None: the same.
        offer: what it lends; its address counts for nothing, `peer` and `announced` decide.
    """

    name: str
    order: Order
    key: str
    peer: str
    announced: str | None
    offer: Offer


@dataclass(frozen=True, slots=True)
class Leave:
    """A host lends no more; the attributes are those of `Beat`."""

    name: str
    order: Order
    key: str
    peer: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A build wants slots.

    Attributes:
        id: for the grant, drawn at random by the caller.
        user, project: who builds what.
        host: name of the machine that builds.
        peer: the address the message came from.
        want: slots it could use now.
        toolchains: fingerprints it needs; empty: any host will do.
    """

    id: str
    user: str
    project: str
    host: str
    peer: str
    want: int
    toolchains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Renew:
    """A build lives and now could use `want` slots."""

    id: str
    want: int


@dataclass(frozen=True, slots=True)
class Release:
    """A build needs its grant no more."""

    id: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; sent a few times a second."""


Request = Beat | Leave | Ask | Renew | Release | Tick


# --- replies ----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Leased:
    """A host's lease is good.

    Attributes:
        lease: its id.
        ttl: seconds until it ends unless renewed.
        beat_in: seconds until the next beat is wanted.
        granted: addresses of the builds that may use the host now.
    """

    lease: str
    ttl: float
    beat_in: float
    granted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Portion:
    """What a build may use of one host.

    Attributes:
        lease: of the host.
        slots: jobs at once.
        speed: of one slot, 1.0 for the slowest host of the farm.
    """

    lease: Lease
    slots: int
    speed: float


@dataclass(frozen=True, slots=True)
class Granted:
    """What a build may use now, fastest host first.

    Attributes:
        id: of the grant.
        user, project, host: who builds what on which machine.
        ttl: seconds until the grant ends unless renewed.
        renew_in: seconds until the next renewal is wanted.
        portions: at most what the hosts offer.
    """

    id: str
    user: str
    project: str
    host: str
    ttl: float
    renew_in: float
    portions: tuple[Portion, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """Carried out; nothing to tell."""


class Why(enum.Enum):
    """Why a request counts for nothing."""

    FOREIGN = "the address is not the sender's"
    STALE = "older than what is known"
    TAKEN = "the name is held by another"
    NOT_YOURS = "the lease is another's"
    UNKNOWN = "no such grant"
    FULL = "too many"


@dataclass(frozen=True, slots=True)
class Denied:
    """A request counts for nothing; `detail` tells a person why and what to do."""

    why: Why
    detail: str


Reply = Leased | Granted | Done | Denied


# --- changes ----------------------------------------------------------------
class What(enum.Enum):
    """What may happen to a farm."""

    CAME = "host came"
    CHANGED = "host changed"
    LEFT = "host left"
    EXPIRED = "host fell silent"
    OPENED = "grant opened"
    RELEASED = "grant released"
    LAPSED = "grant lapsed"
    DIVIDED = "slots divided anew"


@dataclass(frozen=True, slots=True)
class Change:
    """Something is different now.

    Attributes:
        what: has happened.
        name: the host or grant concerned; "" for all.
        detail: for the record: where a host is, who builds what.
    """

    what: What
    name: str = ""
    detail: str = ""
