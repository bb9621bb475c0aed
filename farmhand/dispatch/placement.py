"""Which free slot the next job gets.

Rules, in order: a host without the job's toolchain does not exist for it; a shunned host has no slot; trusted hosts
come before hosts on probation; the faster slot wins; of equals this machine does (no bytes travel), then the host with
the larger share of its slots free.

A host that loses a job is shunned for 1 s, at the next loss for 2 s, and so on up to 15 s; then it is on probation: it
comes last and gets one job at a time. It is trusted again when a job ends well there, or when the registry, later than
that, still lists it; only a job that ends well lets the next shun begin at 1 s again. A host whose jobs hang is listed
all the while, so there only a job that ends well mends anything. A job ends well when it gives an object, with messages
or without; a host is pardoned likewise when the job was at fault, see `dispatcher`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from farmhand.dispatch.jobs import Here, Host

FIRST_SHUN = 1.0
"""Seconds for which a host gets no job after the first loss."""

LONGEST_SHUN = 15.0


class Fault(enum.Enum):
    """How a host lost its latest job."""

    LOST = "it gave no answer"
    HUNG = "it kept the job for much too long"


@dataclass(frozen=True, slots=True)
class Standing:
    """A host and what this build thinks of it.

    Attributes:
        host: as the registry last described it.
        shunned_until: the time from which on it may be tried again; None: it is trusted.
        span: seconds of the latest shun; 0 when a job has ended well there since.
        fault: what it was shunned for.
    """

    host: Host
    shunned_until: float | None = None
    span: float = 0.0
    fault: Fault = Fault.LOST

    def free(self, used: int, now: float) -> int:
        """How many more jobs it may get at time `now` when it has `used`."""
        if self.shunned_until is None:
            return self.host.slots - used
        return min(self.host.slots, 1) - used if now >= self.shunned_until else 0


def lose(standing: Standing, now: float, fault: Fault = Fault.LOST) -> Standing:
    """The host lost a job: shun it. Losses while it is already shunned are part of the same trouble."""
    if standing.shunned_until is not None and now < standing.shunned_until:
        return standing
    span = min(2 * standing.span, LONGEST_SHUN) or FIRST_SHUN
    return replace(standing, shunned_until=now + span, span=span, fault=fault)


def succeed(standing: Standing) -> Standing:
    """A job ended well on the host: trust it."""
    return Standing(standing.host)


def renew(standing: Standing, host: Host, now: float) -> Standing:
    """The registry lists the host, as `host`: trust it again unless it is shunned just now, or its jobs hang."""
    if standing.shunned_until is not None and (now < standing.shunned_until or standing.fault is Fault.HUNG):
        return replace(standing, host=host)
    return replace(standing, host=host, shunned_until=None)


def fits(host: Host, needs: str) -> bool:
    """Tell whether a host has the toolchain that a job needs, as far as is known of both."""
    return not needs or not host.toolchains or needs in host.toolchains


def lacking(standings: Iterable[Standing], needs: str) -> bool:
    """Tell whether there are hosts, but none with the toolchain."""
    helping = [one.host for one in standings if one.host.slots]
    return bool(helping) and not any(fits(host, needs) for host in helping)


def choose(standings: Iterable[Standing], used: Mapping[str, int], now: float) -> Standing | None:
    """Pick the host whose slot is the best one free, or None when none is.

    Args:
        standings: the hosts.
        used: jobs of this build by host name; a missing name means none.
        now: the time.
    """

    def rank(one: Standing) -> tuple[bool, float, float, str]:
        free = one.free(used.get(one.host.name, 0), now)
        return one.shunned_until is None, one.host.speed, free / one.host.slots, one.host.name

    return max((one for one in standings if one.free(used.get(one.host.name, 0), now) > 0), key=rank, default=None)


def any_usable(standings: Iterable[Standing], now: float) -> bool:
    """Tell whether some host may be used now, or will when one of its jobs ends."""
    return any(one.host.slots and (one.shunned_until is None or now >= one.shunned_until) for one in standings)


def better_here(here: Here, other: Standing | None) -> bool:
    """Tell whether a free slot of this machine is no worse than the best one elsewhere."""
    return other is None or other.shunned_until is not None or here.speed >= other.host.speed


def next_chance(standings: Iterable[Standing], now: float) -> float | None:
    """The time at which the first shunned host may be tried again; None when none is shunned."""
    times = (one.shunned_until for one in standings if one.shunned_until is not None and now < one.shunned_until)
    return min(times, default=None)


def without_own(hosts: tuple[Host, ...], here: Here) -> tuple[tuple[Host, ...], Here]:
    """Take this machine out of a list of hosts and learn its speed from it.

    Compiling here needs no gate, and its cores must not be counted twice.

    Returns:
        The other hosts, and this machine, as fast as the registry measured it if it did.
    """
    speeds = [host.speed for host in hosts if host.name == here.name]
    others = tuple(host for host in hosts if host.name != here.name)
    return others, replace(here, speed=speeds[0]) if speeds else here
