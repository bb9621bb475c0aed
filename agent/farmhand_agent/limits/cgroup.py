"""One control group of version 2: a folder of the kernel's in which processes are counted, bounded, stopped and ended.

See Documentation/admin-guide/cgroup-v2.rst of the kernel. Rules that are easily missed:

* A weight counts among siblings only. What must yield to the owner's programs needs its low weight high up.
* A group with controllers for its children holds no processes of its own.
* Which files there are depends on the kernel and on the controllers that were handed down: none is sure.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

CONTROLLERS = ("cpu", "memory", "pids")
"""What boxes are weighed and bounded with."""

LOWEST_WEIGHT = "1"
HIGHEST_WEIGHT = "10000"

REMOVE_TRIES = 100
REMOVE_AGAIN = 0.01
"""How often and how many seconds apart it is tried to remove a group."""

_MIB = 1 << 20


class Cgroup:
    """One group, which need not exist yet.

    Args:
        folder: in the kernel's tree.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def child(self, name: str) -> Cgroup:
        """Make a group below this one, or take the one of that name.

        Raises:
            OSError: it cannot be made.
        """
        below = Cgroup(self.folder / name)
        below.folder.mkdir(exist_ok=True)
        return below

    def has(self, file: str) -> bool:
        """Whether the kernel offers a file here."""
        return (self.folder / file).exists()

    def write(self, file: str, words: str) -> None:
        """Tell the kernel something. Never makes a file where the kernel offers none.

        Raises:
            OSError: there is no such file, or the kernel refuses.
        """
        with open(os.open(self.folder / file, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC), "w") as out:
            out.write(words)

    def try_to_write(self, file: str, words: str) -> bool:
        """Tell the kernel something if it listens; returns whether it did."""
        try:
            self.write(file, words)
        except OSError:
            return False
        return True

    def read(self, file: str) -> str:
        """Ask the kernel something; "" when it does not say."""
        try:
            return (self.folder / file).read_text()
        except OSError:
            return ""

    def enter(self, pid: int) -> None:
        """Move a process here; what it starts from now on is born here. May take 20 ms, in which nothing can fork.

        Raises:
            OSError: it is gone, or belongs to a part of the tree that is not ours.
        """
        self.write("cgroup.procs", str(pid))

    def hand_down(self) -> None:
        """Give this group's children all controllers that it has itself, as far as the kernel agrees."""
        for one in CONTROLLERS:
            self.try_to_write("cgroup.subtree_control", f"+{one}")

    def bound(self, memory_mib: int, processes: int) -> None:
        """Bound what this group and all below it may hold, as far as the kernel can here. They never use swap."""
        self.try_to_write("memory.max", str(memory_mib * _MIB))
        self.try_to_write("memory.swap.max", "0")
        self.try_to_write("pids.max", str(processes))

    def yield_to_all(self) -> None:
        """Let this group run only when no sibling wants to; before 5.15, as rarely beside them as the kernel can."""
        if not self.try_to_write("cpu.idle", "1"):
            self.try_to_write("cpu.weight", LOWEST_WEIGHT)

    def hasten(self) -> None:
        """Let this group run before its siblings: what is killed must be scheduled to end."""
        self.try_to_write("cpu.idle", "0")
        self.try_to_write("cpu.weight", HIGHEST_WEIGHT)

    def freeze(self) -> bool:
        """Stop everything here where it stands, what is being forked included; returns whether the kernel can."""
        return self.try_to_write("cgroup.freeze", "1")

    def thaw(self) -> bool:
        """Let everything here go on; returns whether the kernel can."""
        return self.try_to_write("cgroup.freeze", "0")

    def kill(self) -> bool:
        """Kill everything here and below, frozen or not; returns whether the kernel can (since 5.14)."""
        return self.try_to_write("cgroup.kill", "1")

    def cpu_seconds(self) -> float | None:
        """CPU time in seconds that all who ever were here have used, ended ones included; None: not counted."""
        told = dict(_pairs(self.read("cpu.stat"))).get("usage_usec")
        return None if told is None else told / 1e6

    def memory_mib(self) -> float | None:
        """Memory in MiB that only their end gives back: their own and their files in memory; None: not counted."""
        told = dict(_pairs(self.read("memory.stat")))
        return None if "anon" not in told else (told["anon"] + told.get("shmem", 0)) / _MIB

    async def gone(self) -> bool:
        """Remove this group and all below it; returns whether it is gone.

        Tries for a second at most: the last process may still be on its way out.
        """
        for _ in range(REMOVE_TRIES):
            if self.remove():
                return True
            await asyncio.sleep(REMOVE_AGAIN)
        return False

    def remove(self) -> bool:
        """Remove this group and all below it; returns whether it is gone. One that holds a process stays."""
        with contextlib.suppress(OSError):
            for one in sorted(self.folder.rglob("*/"), key=lambda path: len(path.parts), reverse=True):
                one.rmdir()
            self.folder.rmdir()
        return not self.folder.exists()


def tree(proc: Path = Path("/proc")) -> Path | None:
    """Where version 2 is mounted; None where it is not."""
    try:
        lines = (proc / "self/mountinfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:  # proc_pid_mountinfo(5): ID PARENT DEVICE ROOT POINT OPTIONS... - TYPE SOURCE OPTIONS
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return Path(fields.split()[4].replace("\\040", " "))
    return None


def path_of(pid: int | str = "self", proc: Path = Path("/proc")) -> str | None:
    """The path of a process's group of version 2, "/" for the root; None where there is none. See cgroups(7)."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return None
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)


def _pairs(told: str) -> Iterator[tuple[str, int]]:
    """The lines of a flat keyed file."""
    for line in told.splitlines():
        key, _, value = line.partition(" ")
        yield key, int(value)
