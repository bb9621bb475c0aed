"""Something that listens and says nothing, as a server that has hung."""

from __future__ import annotations

import socket
from pathlib import Path


def listening(path: Path, room: int = 5) -> socket.socket:
    """Listen at a socket, with room for so many clients that wait, until it is closed; the file stays."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(room)
    return listener
