"""Small answers about processes, all by pidfd or /proc, none by name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
from collections import deque
from collections.abc import Iterator

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


async def readable(descriptor: int) -> None:
    """Wait until `descriptor` can be read; for a pidfd that is when the process has ended."""
    if is_readable(descriptor):
        return
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await done
    finally:
        loop.remove_reader(descriptor)


def is_readable(descriptor: int) -> bool:
    """Whether reading would not wait; of a pidfd: whether the process has ended."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a child without a thread and return its exit status."""
    if process.poll() is None:
        try:
            pidfd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return process.wait()
        try:
            await readable(pidfd)
        finally:
            os.close(pidfd)
    return process.wait()


async def end_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and all its descendants, and wait until every one of them is gone."""
    pidfds: list[int] = []
    for pid in tree(process.pid):
        with contextlib.suppress(ProcessLookupError):
            pidfds.append(os.pidfd_open(pid))
    for pidfd in pidfds:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    for pidfd in pidfds:
        await readable(pidfd)
        os.close(pidfd)
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


def tree(pid: int) -> Iterator[int]:
    """The process `pid` and all its descendants, parents first; what ends meanwhile is left out."""
    waiting, seen = deque([pid]), {pid}
    while waiting:
        one = waiting.popleft()
        yield one
        try:
            told = " ".join(_read(f"/proc/{one}/task/{task}/children") for task in os.listdir(f"/proc/{one}/task"))
        except OSError:
            continue
        fresh = [child for child in map(int, told.split()) if child not in seen]
        seen.update(fresh)
        waiting += fresh


def cpu_seconds(pid: int) -> float:
    """CPU time in seconds of `pid` and of the children it has waited for; 0.0 when it is gone."""
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS


def memory_mib(pid: int) -> float:
    """Resident private memory of `pid` in MiB (resident less shared pages); 0.0 when it is gone."""
    try:
        _, resident, shared, *_ = _read(f"/proc/{pid}/statm").split()
    except OSError:
        return 0.0
    return (int(resident) - int(shared)) * _PAGE_KIB / 1024


def _read(path: str) -> str:
    """Read a small file of /proc; called often while the machine is lent, so without the cost of a Path.

    A process may call itself anything, bytes that are no text included.
    """
    with open(path, errors="replace") as file:
        return file.read()
