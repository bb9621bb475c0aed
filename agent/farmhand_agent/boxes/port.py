"""A listening socket without a name, on which nobody can call but its maker.

A box without a network of its own must be reached in some other way than over this machine's loopback, on which every
user of the machine may call. This socket has a place in the file system only while it is made; after that it is reached
through a descriptor that its maker keeps (proc(5), /proc/self/fd).
"""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

_BACKLOG = 1024


class PrivatePort:
    """A Unix socket that listens.

    Args:
        folder: where it is made; nobody else may write there.
    """

    def __init__(self, folder: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._place = -1
        path = folder / "port"
        try:
            self._listener.bind(str(path))
            self._place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            path.unlink()
            self._listener.listen(_BACKLOG)
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """The descriptor for whoever is to accept; -1 once closed."""
        return self._listener.fileno()

    async def connect(self) -> socket.socket:
        """Return a non-blocking socket that is connected to whoever accepts here.

        Raises:
            ConnectionError: nobody will: the port is closed.
        """
        if self._place < 0:
            raise ConnectionRefusedError("the port is closed")
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await asyncio.get_running_loop().sock_connect(one, f"/proc/self/fd/{self._place}")
        except BaseException:
            one.close()
            raise
        return one

    def close(self) -> None:
        """Hang up on all that nobody has accepted; may be repeated."""
        self._listener.close()
        if self._place >= 0:
            os.close(self._place)
            self._place = -1
