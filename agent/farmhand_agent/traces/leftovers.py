"""What an earlier life of the agent may have left: boxes whose maker was killed before it could end them.

The kernel, or its ward, ends a box with its maker, so normally nothing is left. Where that failed, the next agent finds
it here: a process by its number *and* start time *and* boot, never by name, so a stranger that has got the number since
is left alone; a box without namespaces by the mark of its processes and by its folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

import msgspec

from farmhand_agent.traces import box_files, marks, processes


class Identity(msgspec.Struct, frozen=True):
    """One process, told apart from every other one, earlier and later ones included.

    Attributes:
        pid: its number.
        started: clock ticks from the boot to its start.
        boot: the kernel's id of that boot.
    """

    pid: int
    started: int
    boot: str


class Trace(msgspec.Struct, frozen=True):
    """What a box without namespaces leaves.

    Attributes:
        folder: with its files.
        mark: of its processes.
    """

    folder: str
    mark: int

    def clear(self) -> int:
        """End the processes and remove the folder; returns how many processes there were. Takes milliseconds."""
        ended = marks.end_marked(self.mark)
        box_files.remove(self.folder)
        return ended


class _File(msgspec.Struct, frozen=True):
    processes: tuple[Identity, ...] = ()
    traces: tuple[Trace, ...] = ()


Known = frozenset[Identity | Trace]
"""What is to be forgotten when a box is gone."""


def identify(pid: int, proc: Path = Path("/proc")) -> Identity | None:
    """Tell a process apart from all others; None when there is none with this number."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return Identity(pid, int(fields[19]), boot)


class Leftovers:
    """A small file that names what must not outlive the agent.

    Args:
        file: where; its folder must exist.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: set[Identity | Trace] = set()

    def add(self, pids: Iterable[int], traces: Iterable[Trace] = ()) -> Known:
        """Remember what was just made; returns what to `remove` when it is gone."""
        named = [one for one in map(identify, pids) if one is not None]
        added: Known = frozenset[Identity | Trace](named).union(traces)
        self._known |= added
        self._save()
        return added

    def remove(self, gone: Known) -> None:
        """Forget what has ended."""
        self._known -= gone
        self._save()

    async def clear(self) -> int:
        """End what an earlier life left and wait until it is gone; returns how many processes that were."""
        left, ended = self._read(), 0
        for one in left.processes:
            ended += await _end(one)
        for trace in left.traces:
            ended += await asyncio.to_thread(trace.clear)
        self._save()
        return ended

    def _read(self) -> _File:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_File)
        except (FileNotFoundError, msgspec.DecodeError):
            return _File()  # a damaged file names nobody for certain

    def _save(self) -> None:
        processes = sorted((one for one in self._known if isinstance(one, Identity)), key=lambda one: one.pid)
        traces = sorted((one for one in self._known if isinstance(one, Trace)), key=lambda one: one.folder)
        fresh = self._file.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(_File(tuple(processes), tuple(traces))))
        fresh.replace(self._file)


async def _end(one: Identity) -> bool:
    """Kill the process if it still is the one that was meant."""
    try:
        pidfd = os.pidfd_open(one.pid)
    except (OSError, OverflowError):
        return False
    try:
        if identify(one.pid) != one:  # compared while the pidfd is held: the number cannot change hands any more
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        await processes.readable(pidfd)
    finally:
        os.close(pidfd)
    return True
