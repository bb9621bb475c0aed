"""What the kernel says of processes, for tests that ask who is still there; whoever is gone has no answer.

A process that was killed may take a while to go: `lives` is for `until`.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path


def fields(pid: int) -> list[str]:
    """What follows the name in /proc/PID/stat, see proc(5): state, parent, group, session and so on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def state(pid: int) -> str:
    """The letter that `ps` shows: R, S, T, Z and so on; "" of a process that is gone."""
    return (fields(pid) or [""])[0]


def lives(pid: int) -> bool:
    """Whether it can still run: it is there, and no zombie."""
    return state(pid) not in ("", "Z", "X")


def parent(pid: int) -> int:
    """Its parent; 0 of a process that is gone."""
    return int((fields(pid) or ["", "0"])[1])


def name(pid: int) -> str:
    """The first 15 letters of its program's name; "" of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def command_line(pid: int) -> str:
    """Its words, with blanks between them; "" of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid: int | None = None) -> set[int]:
    """Children of a process, of this one by default, whichever of its threads has started them."""
    found: set[int] = set()
    try:
        tasks = list(Path(f"/proc/{pid or os.getpid()}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return found
    for task in tasks:
        try:
            found |= {int(word) for word in (task / "children").read_text().split()}
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread may end at any time
    return found


def descriptors(pid: int | None = None) -> int:
    """How many files a process has open; None: this one."""
    gc.collect()
    return len(os.listdir(f"/proc/{pid or 'self'}/fd"))


def resident_kib(pid: int) -> int:
    """How much memory a process holds, in KiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


def group(leader: int) -> set[int]:
    """Those of a process group who live."""
    return _alike(2, leader)


def session(leader: int) -> set[int]:
    """Those of a session who live."""
    return _alike(3, leader)


def _alike(place: int, value: int) -> set[int]:
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        told = fields(int(folder.name))
        if told and told[place] == str(value) and told[0] not in "ZX":
            found.add(int(folder.name))
    return found
