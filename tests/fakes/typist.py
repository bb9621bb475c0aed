"""Somebody who types in a terminal."""

from __future__ import annotations

import os
import pty


class Typist:
    """Somebody at a real terminal, in which a program reads every line."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()

    def type(self) -> None:
        """Type a line, and have it read."""
        os.write(self._master, b"make\n")
        os.read(self._slave, 100)

    def close(self) -> None:
        """Log out."""
        os.close(self._master)
        os.close(self._slave)
