"""The control group round all boxes, with a cell for each: what the kernel weighs, bounds, counts and ends as one.

    top            yields to all its siblings, but goes before them while something in it is to die
      keeper       a process that holds the place while there is no box
      boxes        bounded in memory and processes
        1, 2, ...  the cells

Everything here is a help and nothing a must: a kernel that lacks a file, or a place that lacks a controller, leaves the
box with what it has without (`priority`, rlimits, signals, its pidfd).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Protocol

from farmhand_agent.limits.cgroup import CONTROLLERS, Cgroup

Attach = Callable[[int, str], Awaitable[None]]
"""Moves a process into a group below the top, where only the one who made the top may; raises OSError."""


class AnyCell(Protocol):
    """What a box needs of its cell."""

    @property
    def priority(self) -> str: ...
    async def enter(self, pid: int) -> None: ...
    def freeze(self) -> bool: ...
    def thaw(self) -> bool: ...
    def kill(self) -> bool: ...
    def cpu_seconds(self) -> float | None: ...
    def memory_mib(self) -> float | None: ...
    async def remove(self) -> None: ...


class NoCell:
    """Where there is no control group: every answer is "the kernel cannot"."""

    priority = ""

    async def enter(self, pid: int) -> None:
        """Do nothing."""

    def freeze(self) -> bool:
        """Stop nothing."""
        return False

    def thaw(self) -> bool:
        """Let nothing go on."""
        return False

    def kill(self) -> bool:
        """Kill nothing."""
        return False

    def cpu_seconds(self) -> float | None:
        """Count nothing."""
        return None

    def memory_mib(self) -> float | None:
        """Count nothing."""
        return None

    async def remove(self) -> None:
        """Do nothing."""


class Cell:
    """The control group of one box; made by `Enclosure.cell`."""

    def __init__(self, enclosure: Enclosure, group: Cgroup) -> None:
        self._enclosure = enclosure
        self.group = group

    @property
    def priority(self) -> str:
        """In words, how everything here yields to the owner; "" when it does not by this."""
        return self._enclosure.priority

    async def enter(self, pid: int) -> None:
        """Move a process here, which must not have started others yet.

        Raises:
            OSError: it cannot be moved.
        """
        await self._enclosure.move(pid, self.group)

    def freeze(self) -> bool:
        """Stop everything here where it stands; returns whether the kernel can."""
        return self.group.freeze()

    def thaw(self) -> bool:
        """Let everything here go on; returns whether the kernel can."""
        return self.group.thaw()

    def kill(self) -> bool:
        """Kill everything here, and let it be quick; returns whether the kernel can."""
        self._enclosure.hasten(self)
        return self.group.kill()

    def cpu_seconds(self) -> float | None:
        """CPU time in seconds that was used here; None: not counted."""
        return self.group.cpu_seconds()

    def memory_mib(self) -> float | None:
        """Memory in MiB that is held here; None: not counted."""
        return self.group.memory_mib()

    async def remove(self) -> None:
        """Remove the cell, whose last process has ended."""
        await self.group.gone()
        self._enclosure.slow_down(self)


class Enclosure:
    """All cells.

    Args:
        top: without processes of its own.
        attach: see `Attach`; None: who may make the top may also move processes into it.
        but: in words, beside whom the top does not yield; "" when it is beside nobody.

    Attributes:
        missing: controllers that were not handed down to here; the kernel takes none back that is handed further down.
    """

    def __init__(self, top: Cgroup, attach: Attach | None = None, but: str = "") -> None:
        self.top = top
        self._attach = attach
        self._but = but
        self._numbers = itertools.count(1)
        self._dying: set[Cell] = set()
        top.hand_down()
        self._boxes = top.child("boxes")
        self._boxes.hand_down()
        top.yield_to_all()
        given = self._boxes.read("cgroup.controllers").split()
        self.missing = tuple(one for one in CONTROLLERS if one not in given)

    @property
    def there(self) -> bool:
        """Whether it still exists; who manages the tree may have removed it."""
        return self._boxes.folder.exists()

    @property
    def priority(self) -> str:
        """In words, how all boxes yield to the owner; "" when they do not by this."""
        if "cpu" in self.missing:
            return ""
        told = "idle control group" if self.top.has("cpu.idle") else "control group of the lowest weight"
        return f"{told}, but {self._but}" if self._but else told

    def bound(self, memory_mib: int, processes: int) -> None:
        """Bound what all boxes together may hold, from now on."""
        self._boxes.bound(memory_mib, processes)

    def cell(self) -> Cell:
        """Make the cell of one box.

        Raises:
            OSError: it cannot be made.
        """
        return Cell(self, self._boxes.child(str(next(self._numbers))))

    async def move(self, pid: int, group: Cgroup) -> None:
        """Move a process into a group of ours. In a thread: the kernel may take 20 ms.

        Raises:
            OSError: it cannot be moved.
        """
        try:
            await asyncio.to_thread(group.enter, pid)
        except PermissionError:  # it comes from another part of the tree
            if self._attach is None:
                raise
            await self._attach(pid, f"/{group.folder.relative_to(self.top.folder)}")

    def hasten(self, cell: Cell) -> None:
        """Let all boxes go before the owner's programs until a cell that is to die has gone. It takes milliseconds."""
        self._dying.add(cell)
        self.top.hasten()

    def slow_down(self, cell: Cell) -> None:
        """Yield again once no cell is dying any more."""
        if cell in self._dying:
            self._dying.discard(cell)
            if not self._dying:
                self.top.yield_to_all()
