"""Which programs run, by the names of all processes.

The kernel knows a process by the first fifteen characters of its program's name. Processes in a pid namespace of their
own are in a container, such as the farm's own jobs in their box: a farm that compiles is no build of the owner. The
line NSpid of /proc/PID/status tells that of everybody's processes, which the links in /proc/PID/ns do not. Jobs in a
box without namespaces bear a mark.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from farmhand_agent.traces import marks

PROC = Path("/proc")

COMM_LENGTH = 15
"""Characters that the kernel keeps (TASK_COMM_LEN, less the NUL)."""

MOST_PIDS = 1 << 22
"""Numbers are given in turn and begin anew above this (PID_MAX_LIMIT), or already above /proc/sys/kernel/pid_max."""

TICKS = os.sysconf("SC_CLK_TCK")
START_TIME = 19
"""Place of a process's start among the words that follow its name in /proc/PID/stat, see proc_pid_stat(5)."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process.

    Attributes:
        pid: its number.
        name: of its program, as far as the kernel keeps it.
    """

    pid: int
    name: str


def why_no_proc(proc: Path = PROC) -> str | None:
    """Return why `proc` cannot tell about processes, or None."""
    return None if (proc / "self/comm").exists() else f"{proc} is no proc"


def running(
    wanted: Container[str],
    proc: Path = PROC,
    plain: Callable[[str], str] = lambda name: name,
    newest: int | None = None,
) -> Iterator[Process]:
    """Yield the processes outside of containers whose name is wanted, the newest first.

    Args:
        wanted: names, `COMM_LENGTH` characters at most.
        proc: where proc is mounted.
        plain: turns the name of a process into what is looked for in `wanted`.
        newest: how many of the newest to look at; None: all.

    Raises:
        OSError: there is no proc.
    """
    root = str(proc)
    latest = latest_pid(root) or MOST_PIDS
    for pid in sorted(pids(root), key=lambda pid: (latest - pid) % MOST_PIDS)[:newest]:
        name = name_of(pid, root)
        if plain(name) in wanted and lives_outside(pid, proc):
            yield Process(pid, name)


def pids(proc: Path | str = PROC) -> Iterator[int]:
    """Yield the numbers of all processes.

    Raises:
        OSError: there is no proc.
    """
    return (int(one) for one in os.listdir(proc) if one.isdecimal())


def name_of(pid: int, proc: Path | str = PROC) -> str:
    """Return the name of a process as the kernel keeps it, "" once it has ended."""
    return _text(f"{proc}/{pid}/comm").rstrip("\n")


def lives_outside(pid: int, proc: Path = PROC) -> bool:
    """Whether a process runs, in our pid namespace, and is no job of the farm's; false once it has ended.

    A thread other than the first is no process.
    """
    state = status(pid, proc)
    here = len(state.get("NSpid", "").split()) == 1 and not state["State"].startswith(("Z", "X"))
    here = here and state.get("Tgid", str(pid)) == str(pid)
    return here and not marks.is_mark(marks.mark_of(pid))


def status(pid: int, proc: Path = PROC) -> dict[str, str]:
    """Return the lines of /proc/PID/status by their names; empty once the process has ended."""
    lines = (line.partition(":\t") for line in _text(f"{proc}/{pid}/status").splitlines())
    return {name: value for name, _, value in lines}


def parents(pid: int, proc: Path = PROC) -> Iterator[int]:
    """Yield a process's number, its parent's and so on, up to the first process."""
    while pid > 0:
        yield pid
        pid = int(status(pid, proc).get("PPid", "0"))


def age(pid: int, proc: Path = PROC) -> float:
    """Return the seconds since a process was started; executing another program does not count. 0.0 once it ended."""
    words = _text(f"{proc}/{pid}/stat").rpartition(")")[2].split()
    with suppress(IndexError):
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(words[START_TIME]) / TICKS)
    return 0.0


def latest_pid(proc: Path | str = PROC) -> int | None:
    """Return the number that was given last, None where the kernel does not say.

    Those below it are older, and those above it older still. Threads have numbers of the same row.
    """
    words = _text(f"{proc}/loadavg").split()
    return int(words[4]) if len(words) > 4 else None


def _text(path: str) -> str:
    """Return what the kernel writes there, "" once the process has ended. A name may be bytes that are no text."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(file, 1 << 14).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(file)
