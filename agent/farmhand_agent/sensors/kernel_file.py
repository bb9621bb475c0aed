"""A file in which the kernel tells something new at each reading, kept open: opening costs more than reading."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

PART = 1 << 16
"""Bytes that are asked for at once; some files give a page at a time all the same."""


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
        told = b""
        while part := os.pread(self._descriptor, PART, len(told)):
            told += part
        return told.decode(errors="replace")
