"""A file in which the kernel tells something new at each reading, kept open: opening costs more than reading."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

MOST = 1 << 16
"""Bytes that are read; what has more to say is cut."""


class KernelFile:
    """One such file, for the length of a block.

    Args:
        path: where it is.

    Raises:
        OSError: it is not there, or may not be read.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        os.close(self._descriptor)

    def read(self) -> str:
        """Return what it says now.

        Raises:
            OSError: whoever plays the kernel here has gone.
        """
        return os.pread(self._descriptor, MOST, 0).decode(errors="replace")
