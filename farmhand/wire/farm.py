"""Agents, drivers and tools <-> registry: JSON over HTTP under `/api/v1`, server-sent events for pushes.

| request | body | answer |
|---|---|---|
| PUT `/hosts/{name}` | `HostBeat` | `LeaseAnswer`; 409 `Problem` for an order key older than the known one |
| POST `/hosts/{name}/withdraw` | `HostLeave` | 204; 409 as above |
| GET `/hosts` | | list of `HostView` |
| POST `/grants` | `GrantAsk` | 201 `GrantAnswer` |
| PUT `/grants/{id}` | `GrantRenew` | `GrantAnswer`; 404 once it has ended |
| DELETE `/grants/{id}` | | 204, also when it is unknown |
| GET `/changes` | | server-sent events: `event: farm`, data a `FarmChanged` |
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from farmhand.distcc.toolchain import MAX_ANNOUNCED, TOOLCHAIN
from farmhand.machine import HOST_NAME, MAX_SLOTS

_END = r"$(?!\n)"
"""The end of a text; `$` alone also matches before a last line break."""

Name = Annotated[str, Meta(pattern=f"^{HOST_NAME.pattern}{_END}", max_length=253, description="a host's name")]
Address = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f:.]{2,45}" + _END, description="an IPv4 or IPv6 address")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Slots = Annotated[int, Meta(ge=0, le=MAX_SLOTS)]
_UNSEEN = r"\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
"""Controls, line separators, turns of the reading direction and characters without a shape, for a pattern."""

Label = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=f"^[^{_UNSEEN}]+{_END}", description="shown to people")
]
Counter = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
Seconds = Annotated[float, Meta(ge=0, le=1e15)]
Key = Annotated[
    str, Meta(min_length=64, max_length=64, pattern="^[0-9a-f]+" + _END, description="32 random bytes in hex")
]
Toolchains = Annotated[
    tuple[
        Annotated[str, Meta(pattern=f"^{TOOLCHAIN}{_END}", description="a compiler's name, =, its fingerprint")], ...
    ],
    Meta(max_length=MAX_ANNOUNCED),
]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """Which of two messages of one agent is the later one; compared field by field.

    Attributes:
        epoch: raised at every start of the agent, kept on disk.
        generation: raised at every lend and reclaim.
        seq: raised with every message.
    """

    epoch: Counter
    generation: Counter
    seq: Counter


class HostBeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent says "I lend, until I say otherwise or fall silent". The first one registers, the others renew.

    Attributes:
        order: see `Order`.
        key: the secret with which the registry signs tickets for this host's gate; it proves whose a beat is, too.
        address: where the gate listens; must be the sender's own, or a loopback one where the sender's is.
        port: the gate's.
        slots: offered now.
        used: jobs running now.
        cores: logical processors.
        others_cpu: share of all cores, 0..1, used by the owner's programs.
        toolchains: the compilers that the host can run, see `distcc.toolchain`; empty means unknown.
    """

    order: Order
    key: Key
    port: Port
    slots: Slots
    used: Slots = 0
    cores: Annotated[int, Meta(ge=1, le=4096)] = 1
    others_cpu: Annotated[float, Meta(ge=0, le=1)] = 0.0
    address: Address | None = None
    toolchains: Toolchains = ()


class HostLeave(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent takes its machine back: `order` is later than that of every beat before."""

    order: Order
    key: Key


class LeaseAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The registry's word on a beat.

    Attributes:
        instance: drawn at the registry's start; when it changes, tell everything again.
        lease: id of the lease.
        ttl: seconds from now until the lease ends by itself.
        beat_in: seconds until the registry wants the next beat.
        now: the registry's monotonic clock, in seconds; tickets end by it.
        granted: addresses that hold a live grant on this host, for plain distcc without a ticket.
    """

    instance: str
    lease: str
    ttl: Seconds
    beat_in: Seconds
    now: Seconds
    granted: tuple[str, ...] = ()


class HostView(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One host as everybody may see it.

    Attributes:
        name, address, port: where it is.
        slots: offered.
        used: taken by running jobs, as its agent last said.
        state: "lent".
        cores, others_cpu: see `HostBeat`.
        toolchains: fingerprints of its compilers, each once; empty means unknown.
        age: seconds since its last beat.
    """

    name: str
    address: str
    port: int
    slots: int
    used: int
    state: str
    cores: int = 1
    others_cpu: float = 0.0
    toolchains: tuple[str, ...] = ()
    age: float = 0.0


class GrantAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A build asks for slots.

    Attributes:
        user, project: who builds what, for the owners of the hosts.
        host: the machine that builds, by name; its own slots come first.
        want: how many slots it could use now.
        toolchains: the compilers of the machine that builds; a host must have one of them, as far as it tells. Empty
            means any host will do.
    """

    user: Label
    project: Label
    host: Name
    want: Slots
    toolchains: Toolchains = ()


class GrantRenew(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The build lives and now could use `want` slots."""

    want: Slots


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A build's claim on one host.

    Attributes:
        name, address, port: the host.
        slots: how many jobs at once.
        speed: how fast one slot is, 1.0 for the slowest host of the farm.
        ticket: what the gate wants to see; good until the grant ends, so each renewal brings new ones.
        toolchains: the host's compilers, see `distcc.toolchain`; empty means unknown.
    """

    name: str
    address: str
    port: int
    slots: int
    speed: float
    ticket: str
    toolchains: tuple[str, ...] = ()


class GrantAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a build may use now, fastest host first.

    Attributes:
        instance: see `LeaseAnswer`.
        grant: its id.
        ttl: seconds from now until it ends by itself.
        renew_in: seconds until the registry wants to hear of the build again.
        shares: may be empty.
    """

    instance: str
    grant: str
    ttl: Seconds
    renew_in: Seconds
    shares: tuple[Share, ...] = ()


class FarmChanged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something about hosts or shares is different; ask again for what you need.

    Attributes:
        kind: "host" (came, changed or left) or "share" (slots were divided anew).
        name: the host concerned; "" for all.
    """

    kind: Literal["host", "share"]
    name: str = ""


class Problem(msgspec.Struct, frozen=True):
    """Why a request was refused, in the words of RFC 9457's `detail`."""

    detail: str
    status_code: int = 400
