"""What the agent says to the systemd that started it: how long its end may take. See sd_notify(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def wait_for_end(seconds: float, environ: Mapping[str, str] = os.environ) -> None:
    """Ask the service manager to wait so long for our end, more than its unit says; without one nothing happens.

    Args:
        seconds: from now on.
        environ: names the manager's socket.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # in the abstract namespace
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as to:
        try:
            to.sendto(f"EXTEND_TIMEOUT_USEC={seconds * 1e6:.0f}".encode(), address)
        except OSError:
            return  # it then ends us when its own patience is over, and our boxes with us
