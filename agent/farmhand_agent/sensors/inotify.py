"""Being told by the kernel when files are opened, closed, made or replaced: inotify(7), by ctypes, for one task.

Executing a program opens its file, so a watch on the file hears every start of it, by anybody, without privileges.
What cannot be watched, since it is not there or may not be read, is left out; what the kernel has no room for ends the
sense.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.traces.processes import readable

ACCESS = 0x01
"""Read from."""
OPEN = 0x20
CLOSE = 0x08 | 0x10
"""Closed after writing, or without."""
ATTRIB = 0x04
"""The count of names changes too: this comes when another file takes the name."""
APPEARS = 0x80 | 0x100
"""Moved here, or made here."""
VANISHES = 0x40 | 0x200
"""Moved away, or deleted."""
GOES = 0x400 | 0x800
"""The watched thing itself is deleted or moved."""

OVERFLOW, UNMOUNTED, IGNORED = 0x4000, 0x2000, 0x8000
LOST = OVERFLOW | UNMOUNTED | IGNORED
"""Something was not told, or will not be any more."""

HEADER = struct.Struct("=iIII")
"""Watch, mask, cookie, and the length of the name that follows."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Event:
    """Something has happened.

    Attributes:
        watch: what `Inotify.add` returned; -1 for an overflow.
        mask: what it was.
        name: in which entry of a watched folder; "" for the watched thing itself.
    """

    watch: int
    mask: int
    name: str


class Inotify:
    """Watches for the length of a block.

    Raises:
        SenseLost: the kernel gives this user no more of them.
    """

    def __init__(self) -> None:
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise SenseLost(f"the kernel watches no more files: {os.strerror(ctypes.get_errno())}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        # The kernel may take 20 ms to forget watches that have just told something; nobody here is to wait for that.
        threading.Thread(target=os.close, args=(self._descriptor,), name="closes inotify").start()

    def add(self, path: str | os.PathLike[str], mask: int) -> int | None:
        """Watch a file or folder; a second name of the same thing gets the same watch, and the last mask holds.

        Returns:
            The watch; None if there is nothing of that name, or it may not be read.

        Raises:
            SenseLost: the kernel has no room for another watch.
        """
        watch = int(_libc.inotify_add_watch(self._descriptor, os.fsencode(path), mask))
        if watch >= 0:
            return watch
        problem = OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        if isinstance(problem, FileNotFoundError | NotADirectoryError | PermissionError):
            return None
        raise SenseLost(f"the kernel watches no more files: {problem.strerror}")

    async def events(self) -> tuple[Event, ...]:
        """Wait until something happens; return all that has."""
        while True:
            await readable(self._descriptor)
            try:
                return tuple(_read(os.read(self._descriptor, 1 << 16)))
            except BlockingIOError:
                continue


def _read(told: bytes) -> Iterator[Event]:
    at = 0
    while at < len(told):
        watch, mask, _, length = HEADER.unpack_from(told, at)
        at += HEADER.size + length
        yield Event(watch, mask, os.fsdecode(told[at - length : at].rstrip(b"\0")))
