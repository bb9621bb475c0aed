"""The gate's sockets: how it listens, how it notices that a client is lost, how it cuts one.

Builds come to the address at which the registry saw this machine, of either family. So `::` means all addresses, those
of IPv4 and of IPv6; on a machine without IPv6, all that it has. `0.0.0.0` means those of IPv4 alone.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from farmhand.errors import OwnerError
from farmhand.machine import join_address

EVERYWHERE = "::"
"""All addresses of this machine, IPv4 and IPv6."""

EVERYWHERE_BY_IPV4 = "0.0.0.0"
"""All IPv4 addresses of this machine."""


def listen(host: str, port: int, takes_both: Callable[[], bool] = socket.has_dualstack_ipv6) -> socket.socket:
    """Open the listening socket.

    Args:
        host: an IP address or a name of this machine.
        port: 0 lets the system choose.
        takes_both: tells whether one socket can take IPv6 and IPv4; not where there is no IPv6.

    Raises:
        OwnerError: the port is taken or the address is not this machine's.
    """
    try:
        found = _server(host, port, takes_both)
    except OSError as wrong:
        where = join_address(host, port)
        if wrong.errno == errno.EADDRINUSE:
            told = f"another program uses {where}; set `gate` to a free port, or end that program"
        else:
            told = f"cannot listen on {where} ({wrong.strerror}); set `gate` to an address of this machine"
        raise OwnerError(told) from None
    found.setblocking(False)
    with suppress(OSError):  # a client that says nothing then costs not even an accept
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    return found


def _server(host: str, port: int, takes_both: Callable[[], bool]) -> socket.socket:
    both = host == EVERYWHERE and takes_both()
    if host == EVERYWHERE and not both:
        host = EVERYWHERE_BY_IPV4
    family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(where, family=family, backlog=1024, dualstack_ipv6=both)


def keep_alive(client: socket.socket) -> None:
    """Notice a client whose machine or link died within about 15 s."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 3), (socket.TCP_KEEPCNT, 3)):
        client.setsockopt(socket.IPPROTO_TCP, option, value)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000)


def reset(client: socket.socket) -> None:
    """Close without lingering: a client in mid-transfer sees a reset instead of half a reply."""
    with suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
