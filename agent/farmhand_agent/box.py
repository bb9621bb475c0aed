"""One box: a sandbox without network in which one stock distccd serves one client identity.

A box is ended by one SIGKILL to the init of its pid namespace: the kernel then kills everything inside, and the pidfd
of that init becomes readable only when all of it is gone. That pidfd is the proof behind "nothing left".
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from farmhand_agent import priority, processes, sandbox
from farmhand_agent.background import background

BATCH = 64
"""Sockets that one run of the doorway makes."""

LOW_WATER = 16
"""How few may be left before the next run."""

_DOORWAY = Path(__file__).with_name("doorway.py")
_CONNECT_TRIES = 400
_NOT_YET = (errno.ECONNREFUSED, errno.ENETUNREACH)
"""What connecting says while distccd, or before it the box's loopback, is still coming up."""


class BoxGone(ConnectionError):
    """The box ended: killed, crashed, or never came up."""


@dataclass(frozen=True, slots=True)
class BoxPlan:
    """How boxes are made.

    Attributes:
        slots: jobs at once.
        scratch_mib: size of /tmp in MiB.
        toolchains: folders outside /usr that jobs may read.
    """

    slots: int
    scratch_mib: int = 2048
    toolchains: Sequence[str] = ()


class Box:
    """One running sandbox. Made by `Box.start`; ended by `kill` and awaited by `gone`."""

    def __init__(self, outer: subprocess.Popen[bytes], init: int) -> None:
        self._outer = outer
        self.init = init
        self._pidfd = os.pidfd_open(init)
        self._sockets: deque[socket.socket] = deque()
        self._refill: asyncio.Task[None] | None = None
        self._end: asyncio.Task[None] | None = None
        self._hurry: asyncio.Task[None] | None = None
        self.priority = ""

    @classmethod
    async def start(cls, plan: BoxPlan) -> Box:
        """Bring a box up and wait until its distccd answers.

        Must be called on the main thread: the kernel ends the box with the *thread* that made it.

        Raises:
            BoxGone: it did not come up; the message carries bubblewrap's own words.
        """
        outer, init = await _spawn(plan)
        try:
            box = cls(outer, init)
        except OSError as wrong:
            await processes.end_tree(outer)
            raise BoxGone(f"the box ended at once: {wrong}") from None
        try:
            (await box.connect()).close()
            box.priority = await priority.lower(list(processes.tree(init)))
        except BaseException:
            box.kill()
            await box.gone()
            raise
        return box

    @property
    def alive(self) -> bool:
        """Whether anything still runs in it."""
        return self._pidfd >= 0 and not processes.is_readable(self._pidfd)

    @property
    def pids(self) -> tuple[int, int]:
        """The init inside, with which everything in the box ends, and bubblewrap outside."""
        return self.init, self._outer.pid

    async def connect(self) -> socket.socket:
        """Return a socket that is connected to the box's distccd, non-blocking.

        Raises:
            BoxGone: nobody answers inside.
        """
        loop = asyncio.get_running_loop()
        for _ in range(_CONNECT_TRIES):
            one = await self._take_socket()
            try:
                await loop.sock_connect(one, ("127.0.0.1", sandbox.BOX_PORT))
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as wrong:
                one.close()  # a socket once refused says so again when it is used again
                if wrong.errno not in _NOT_YET or not self.alive:
                    raise BoxGone(f"the box does not answer: {wrong}") from None
                await asyncio.sleep(0.005)
            except asyncio.CancelledError:
                one.close()
                raise
            else:
                return one
        raise BoxGone("distccd in the box does not answer")

    def freeze(self) -> None:
        """Stop everything in the box where it stands.

        Parents before children; then once more, for what was forked in between.
        """
        for _ in range(2):
            self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let everything in the box go on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Order the kernel to end everything in the box; returns at once, may be repeated.

        Killing the init is enough. The others are killed beside it so that they die side by side, not one after the
        other when the init gets round to them: on a busy machine that halves the wait.
        """
        if self.alive:
            if not priority.hasten(self.init) and self._hurry is None:
                self._hurry = background(priority.hasten_patiently(self.init))
            self._signal(signal.SIGKILL)
        if self._refill is not None:
            self._refill.cancel()
        while self._sockets:
            self._sockets.pop().close()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the init, which is surely ours, and to all below it."""
        if self.alive:
            signal.pidfd_send_signal(self._pidfd, number)
            for pid in list(processes.tree(self.init))[1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    async def gone(self) -> None:
        """Wait until nothing of the box runs any more and its processes are reaped; several may wait at once."""
        if self._end is None:
            self._end = asyncio.create_task(self._await_end())
        await asyncio.shield(self._end)

    async def _await_end(self) -> None:
        await processes.readable(self._pidfd)
        if self._hurry is not None:
            self._hurry.cancel()
        os.close(self._pidfd)
        self._pidfd = -1
        await processes.ended(self._outer)
        if self._outer.stderr is not None:  # kept open till now: distccd must never write into a broken pipe
            self._outer.stderr.close()

    def cpu_seconds(self) -> float:
        """CPU time in seconds that everything in the box has used so far."""
        return sum(processes.cpu_seconds(pid) for pid in processes.tree(self.init))

    def memory_mib(self) -> float:
        """Private memory in MiB that the box's processes hold now."""
        return sum(processes.memory_mib(pid) for pid in processes.tree(self.init))

    async def _take_socket(self) -> socket.socket:
        while not self._sockets:
            await asyncio.shield(self._refilling())  # shared: who gives up waiting must not end it for others
            if not self.alive:
                raise BoxGone("the box's network is gone")
        one = self._sockets.popleft()
        if len(self._sockets) < LOW_WATER:
            self._refilling()
        return one

    def _refilling(self) -> asyncio.Task[None]:
        """The refill under way; begins one if there is none."""
        if self._refill is None or self._refill.done():
            self._refill = asyncio.create_task(self._fetch_sockets())
        return self._refill

    async def _fetch_sockets(self) -> None:
        """Run the doorway once; a box that has ended yields none."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            helper = _run_doorway(self.init, theirs)
            try:
                await processes.ended(helper)
            except asyncio.CancelledError:
                helper.kill()
                helper.wait()
                raise
            with contextlib.suppress(BlockingIOError):
                _, descriptors, _, _ = socket.recv_fds(ours, 1, BATCH)
                for one in descriptors:
                    self._sockets.append(socket.socket(fileno=one))
                    self._sockets[-1].setblocking(False)  # the descriptor is; Python does not know it yet


async def _spawn(plan: BoxPlan) -> tuple[subprocess.Popen[bytes], int]:
    """Start bubblewrap; return it and the pid of the init inside."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        outer = _run_bubblewrap(plan, writing)
    except OSError as wrong:
        os.close(reading)
        raise BoxGone(f"bubblewrap does not start: {wrong}") from None
    finally:
        os.close(writing)
    try:
        told = await _read_to_end(reading)
    except BaseException:
        await processes.end_tree(outer)
        raise
    finally:
        os.close(reading)
    if told:
        return outer, int(json.loads(told)["child-pid"])
    await processes.ended(outer)
    assert outer.stderr is not None
    with outer.stderr as words:
        raise BoxGone(f"bubblewrap made no box: {words.read().decode(errors='replace').strip()}")


def _run_bubblewrap(plan: BoxPlan, info_fd: int) -> subprocess.Popen[bytes]:
    """Start the box's processes, in a session and so an autogroup of their own."""
    as_nobody: dict[str, Any] = sandbox.run_as()
    with sandbox.system_call_filter() as filter_fd:
        return subprocess.Popen[bytes](
            sandbox.box_command(plan.slots, plan.scratch_mib, plan.toolchains, info_fd, filter_fd),
            pass_fds=[info_fd, filter_fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **as_nobody,
        )


def _run_doorway(init: int, channel: socket.socket) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-I", "-S", str(_DOORWAY), str(init), str(channel.fileno()), str(BATCH)]
    return subprocess.Popen(words, pass_fds=[channel.fileno()], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _read_to_end(descriptor: int) -> bytes:
    """Read a pipe until its writer closes it: half a JSON text would look like an error of bubblewrap's."""
    os.set_blocking(descriptor, False)
    told = b""
    while True:
        await processes.readable(descriptor)
        part = os.read(descriptor, 65536)
        if not part:
            return told
        told += part
