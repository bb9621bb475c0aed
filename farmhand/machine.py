"""What a machine is: the facts that do not change while an agent runs."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
"""A host name as farms see it. What means something in distcc's host syntax does not fit: `@ : / , #`, blanks."""

MAX_SLOTS = 512
"""The most slots one host may offer: more is a mistake or an attack."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One workstation.

    Attributes:
        name: how the farm calls it; see `HOST_NAME`.
        cores: logical processors, 1 or more.
        memory_mib: physical memory in MiB.
    """

    name: str
    cores: int
    memory_mib: int


def is_host_name(text: str) -> bool:
    """Tell whether `text` may stand in a host list: a plain name or an IP address."""
    return HOST_NAME.fullmatch(text) is not None or is_address(text)


def is_address(text: str) -> bool:
    """Tell whether `text` is an IPv4 or IPv6 address without zone, port or brackets."""
    if "%" in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def split_address(text: str) -> tuple[str, int]:
    """Take `ADDR:PORT` or `[V6]:PORT` apart.

    Returns:
        The address without brackets and the port, 0..65535 (0 lets the system choose).

    Raises:
        ValueError: it is not of that form.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 address needs brackets, as in [::1]:3632")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("it must end in a port from 0 to 65535, as in 127.0.0.1:3632")
    if not is_host_name(host):
        raise ValueError(f"{host!r} is neither an IP address nor a host name")
    return host, int(port)


def join_address(host: str, port: int) -> str:
    """Write an address and a port as one text, with brackets round IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
