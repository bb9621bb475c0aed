"""The best that a killer can do without freeing memory itself: it knows whom to kill, holds them all, and only waits.

`benchmarks.reclaim` runs it beside the agent, in a session of its own like the agent's, to tell what the machine takes
from what the agent takes. For each box it reads a line of pids, answers, waits for one byte more, gives the box its
ordinary priority back, kills, and prints the milliseconds from that byte to the last of them gone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from farmhand_agent.limits.priority import hasten
from farmhand_agent.traces import processes

GO = b"g"


class Killer:
    """The other end: the program as `benchmarks.reclaim` sees it."""

    def __init__(self, program: subprocess.Popen[bytes]) -> None:
        self._program = program

    def prepare(self, pids: Sequence[int]) -> None:
        """Let it hold all of these."""
        self._say(f"{' '.join(map(str, pids))}\n".encode())
        self._hear()

    def kill(self) -> None:
        """Let it kill them."""
        self._say(GO)

    def took(self) -> float:
        """The milliseconds that it took."""
        return float(self._hear())

    def _say(self, words: bytes) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(words)

    def _hear(self) -> bytes:
        assert self._program.stdout is not None
        return self._program.stdout.readline()


@contextmanager
def killer() -> Iterator[Killer]:
    """Run one."""
    command = [sys.executable, "-m", "benchmarks.killer"]
    with subprocess.Popen(command, bufsize=0, stdin=-1, stdout=-1, start_new_session=True) as program:
        yield Killer(program)  # it ends with its standard input


def gone(pidfds: Sequence[int]) -> None:
    """Wait until all of these have ended."""
    poll = select.poll()
    for pidfd in pidfds:
        poll.register(pidfd, select.POLLIN)
    left = len(pidfds)
    while left:
        for pidfd, _ in poll.poll():
            poll.unregister(pidfd)
            left -= 1


@contextmanager
def held(pids: Sequence[int]) -> Iterator[list[int]]:
    """Hold these by pidfds."""
    pidfds = [os.pidfd_open(pid) for pid in pids]
    try:
        yield pidfds
    finally:
        for pidfd in pidfds:
            os.close(pidfd)


def main() -> int:
    """Be that program."""
    while line := os.read(0, 65536):
        pids = [int(word) for word in line.split()]
        with held(pids) as pidfds:
            print("ready", flush=True)
            os.read(0, len(GO))
            began = time.monotonic()
            hasten(pids[0])
            processes.send(pidfds, signal.SIGKILL)
            gone(pidfds)
            print((time.monotonic() - began) * 1e3, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
