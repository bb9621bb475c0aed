"""Which address a machine may lend under, and who can reach it there.

Rule: a machine speaks for itself only. Its gate is where its messages come from; only inside one machine, where every
loopback address is the machine itself, may it name another one.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache


def normal(address: str) -> str:
    """Write an IP address in its one usual form: no zone, IPv4 not dressed up as IPv6.

    Raises:
        ValueError: it is no IP address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(parsed)


def is_loopback(address: str) -> bool:
    """Tell whether a normal address is one of the machine's own."""
    return ipaddress.ip_address(address).is_loopback


@lru_cache(maxsize=4096)
def source_of(address: str) -> str:
    """Name whom an address may belong to, as far as limits go: one machine has all of 127.0.0.0/8, or of an IPv6 /64.

    Raises:
        ValueError: it is no IP address.
    """
    usual = normal(address)
    if is_loopback(usual):
        return "loopback"
    return str(ipaddress.ip_network((usual, 64), strict=False)) if ":" in usual else usual


def same_machine(one: str, other: str) -> bool:
    """Tell whether two normal addresses are known to be one machine."""
    return one == other or (is_loopback(one) and is_loopback(other))


def lending_address(peer: str, announced: str | None) -> str | None:
    """The address under which a machine lends.

    Args:
        peer: where its message came from.
        announced: where it says its gate listens; None: where the message came from.

    Returns:
        The address in its normal form, or None when the announced one is not the sender's.
    """
    source = normal(peer)
    if announced is None:
        return source
    try:
        wanted = normal(announced)
    except ValueError:
        return None
    return wanted if same_machine(source, wanted) else None
