"""The gate's sockets: how it listens, how it notices that a client is lost, how it cuts one."""

from __future__ import annotations

import errno
import socket
import struct
from contextlib import suppress

from farmhand.errors import OwnerError
from farmhand.machine import join_address


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; `::` takes IPv4 too.

    Raises:
        OwnerError: the port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server(
            (host, port), family=family, backlog=1024, dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6()
        )
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
