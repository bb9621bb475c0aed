"""Where programs listen: TCP ports of 127.0.0.1 that nobody else gets hold of by chance, and Unix sockets."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOWEST = 10_000


def free_port() -> int:
    """A port that nobody uses now, and that the kernel hands out to nobody who does not ask for it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as told:
        first = int(told.read().split()[0])
    while True:
        port = random.randrange(LOWEST, first)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def closed_port() -> Iterator[int]:
    """A port where nobody listens, and nobody can as long as the block runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def listens(port: int) -> bool:
    """Whether somebody listens there; asking the kernel leaves no trace with who does."""
    line = f":{port:04X} 00000000:0000 0A"
    return any(line in one for one in Path("/proc/net/tcp").read_text().splitlines())


def takes_calls(path: Path) -> bool:
    """Whether somebody listens at a Unix socket; its file is there some time before."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
