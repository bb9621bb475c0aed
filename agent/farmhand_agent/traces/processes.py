"""Small answers about processes, all by pidfd or /proc, none by name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
from collections import deque
from collections.abc import Generator, Iterable, Iterator

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def bare_environment() -> dict[str, str]:
    """The environment of a helper beside the boxes: where programs are, and nothing of the session's, like tokens."""
    return {"PATH": os.environ.get("PATH", os.defpath)}


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


async def read_to_end(descriptor: int) -> bytes:
    """Read a pipe until its writer closes it: half a JSON text would look like an error of the writer's."""
    os.set_blocking(descriptor, False)
    told = b""
    while True:
        await readable(descriptor)
        part = os.read(descriptor, 65536)
        if not part:
            return told
        told += part


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
    if process.poll() is None:  # so it was not waited for yet, and nobody else can have its number
        own = os.pidfd_open(process.pid)
        try:
            with held_tree(process.pid, own) as pidfds:
                send(pidfds, signal.SIGKILL)
                for pidfd in pidfds:
                    await readable(pidfd)
        finally:
            os.close(own)
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


@contextlib.contextmanager
def held_tree(pid: int, pidfd: int) -> Generator[list[int]]:
    """Hold a process and all its descendants by pidfds, parents first; what ends meanwhile is left out.

    A number alone may have changed hands since it was read. So a child counts only if, while its pidfd is held, it
    still says that it is the child of a parent that is held, too, and has not ended.
    """
    held = {pid: pidfd}
    waiting = deque(held)
    try:
        while waiting:
            parent = waiting.popleft()
            for child in _children(parent):
                if child not in held and (handle := _hold_child(child, parent, held[parent])) is not None:
                    held[child] = handle
                    waiting.append(child)
        yield list(held.values())
    finally:
        for number, handle in held.items():
            if number != pid:
                os.close(handle)


def send(pidfds: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each; who has ended misses nothing."""
    for pidfd in pidfds:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)


def tree(pid: int) -> Iterator[int]:
    """The process `pid` and all its descendants, parents first; what ends meanwhile is left out."""
    waiting, seen = deque([pid]), {pid}
    while waiting:
        one = waiting.popleft()
        yield one
        fresh = [child for child in _children(one) if child not in seen]
        seen.update(fresh)
        waiting += fresh


def _children(pid: int) -> list[int]:
    """The children of a process; none when it is gone."""
    try:
        told = " ".join(_read(f"/proc/{pid}/task/{task}/children") for task in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []
    return [int(word) for word in told.split()]


def _hold_child(pid: int, parent: int, parent_pidfd: int) -> int | None:
    """Open a pidfd of a child; None if it has ended or is nobody's child that we know."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        its_parent = int(_read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1])
    except OSError:
        its_parent = 0
    if its_parent == parent and not is_readable(parent_pidfd):
        return pidfd
    os.close(pidfd)
    return None


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
    """Read a small file of /proc; called often while the machine is lent, so without the cost of a file object.

    A process may call itself anything, bytes that are no text included.
    """
    descriptor, told = os.open(path, os.O_RDONLY | os.O_CLOEXEC), b""
    try:
        while part := os.read(descriptor, 1 << 14):
            told += part
    finally:
        os.close(descriptor)
    return told.decode(errors="replace")
