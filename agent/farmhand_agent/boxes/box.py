"""One box: a sandbox without network in which one stock distccd serves one client identity.

A box is ended by one SIGKILL to the init of its pid namespace: the kernel then kills everything inside, and the pidfd
of that init becomes readable only when all of it is gone. That pidfd is the proof behind "nothing left". Where there is
a control group for it (`enclosure`), the kernel also stops, counts and kills the whole box as one.
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

from farmhand_agent.background import background
from farmhand_agent.boxes import sandbox
from farmhand_agent.limits import priority
from farmhand_agent.limits.enclosure import AnyCell, NoCell
from farmhand_agent.traces import processes
from farmhand_agent.traces.leftovers import Trace

BATCH = 64
"""Sockets that one run of the doorway makes."""

LOW_WATER = 16
"""How few may be left before the next run."""

FIRST_TO_GO = "1000"
"""Score that is added to a box's processes when the kernel, out of memory, chooses whom to end: before any other's."""

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
        process_mib: memory in MiB that one process may take; 0: whatever there is.
    """

    slots: int
    scratch_mib: int = 2048
    toolchains: Sequence[str] = ()
    process_mib: int = 0


class Box:
    """One running sandbox. Made by `Box.start`; ended by `kill` and awaited by `gone`."""

    def __init__(self, outer: subprocess.Popen[bytes], init: int, cell: AnyCell) -> None:
        self._outer = outer
        self._cell = cell
        self.init = init
        self._pidfd = os.pidfd_open(init)
        self._sockets: deque[socket.socket] = deque()
        self._refill: asyncio.Task[None] | None = None
        self._end: asyncio.Task[None] | None = None
        self._hurry: asyncio.Task[None] | None = None
        self.priority = ""

    @classmethod
    async def start(cls, plan: BoxPlan, cell: AnyCell | None = None) -> Box:
        """Bring a box up and wait until its distccd answers.

        Must be called on the main thread: the kernel ends the box with the *thread* that made it.

        Args:
            plan: how.
            cell: its control group, which ends with it; None: there is none.

        Raises:
            BoxGone: it did not come up; the message carries bubblewrap's own words.
        """
        cell = cell or NoCell()
        try:
            outer, init = await _spawn(plan, cell)
            try:
                box = cls(outer, init, cell)
            except OSError as wrong:
                await processes.end_tree(outer)
                raise BoxGone(f"the box ended at once: {wrong}") from None
        except BaseException:
            await cell.remove()
            raise
        try:
            (await box.connect()).close()
            box.priority = cell.priority or await priority.lower(list(processes.tree(init)))
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

    @property
    def traces(self) -> tuple[Trace, ...]:
        """What finds the box again if the agent is killed: nothing but its processes, for its files go with them."""
        return ()

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

        By signals: parents before children; then once more, for what was forked in between.
        """
        if not self._cell.freeze():
            for _ in range(2):
                self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let everything in the box go on."""
        if not self._cell.thaw():
            self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Order the kernel to end everything in the box; returns at once, may be repeated.

        Killing the init is enough. The others are killed beside it so that they die side by side, not one after the
        other when the init gets round to them: on a busy machine that halves the wait.
        """
        if self.alive:
            if not priority.hasten(self.init) and self._hurry is None:
                self._hurry = background(priority.hasten_patiently(self.init))
            if self._cell.kill():
                processes.send([self._pidfd], signal.SIGKILL)
            else:
                self._signal(signal.SIGKILL)
        if self._refill is not None:
            self._refill.cancel()
        while self._sockets:
            self._sockets.pop().close()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the init and to all below it, and surely to nobody else."""
        if self.alive:
            with processes.held_tree(self.init, self._pidfd) as pidfds:
                processes.send(pidfds, number)

    def members(self) -> list[int]:
        """All processes in it, the youngest first: those are the compilers."""
        return list(processes.tree(self.init))[::-1] if self.alive else []

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
        await self._cell.remove()

    def cpu_seconds(self) -> float:
        """CPU time in seconds that everything in the box has used so far."""
        counted = self._cell.cpu_seconds()
        return counted if counted is not None else sum(processes.cpu_seconds(pid) for pid in processes.tree(self.init))

    def memory_mib(self) -> float:
        """Memory in MiB that the box holds now: its processes' own, and its files, which lie in memory."""
        counted = self._cell.memory_mib()
        if counted is not None:
            return counted
        return _scratch_mib(self.init) + sum(processes.memory_mib(pid) for pid in processes.tree(self.init))

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


def _scratch_mib(init: int) -> float:
    """Memory in MiB that a box's files take; 0.0 when it is gone."""
    try:
        told = os.statvfs(f"/proc/{init}/root/tmp")
    except OSError:
        return 0.0
    return (told.f_blocks - told.f_bfree) * told.f_frsize / (1 << 20)


async def _spawn(plan: BoxPlan, cell: AnyCell) -> tuple[subprocess.Popen[bytes], int]:
    """Start bubblewrap; return it and the pid of the init inside, which starts nothing before it is in its cell."""
    telling, info = os.pipe2(os.O_CLOEXEC)
    block, go = os.pipe2(os.O_CLOEXEC)
    try:
        outer = _run_bubblewrap(plan, info, block)
    except OSError as wrong:
        os.close(telling)
        os.close(go)
        raise BoxGone(f"bubblewrap does not start: {wrong}") from None
    finally:
        os.close(info)
        os.close(block)
    try:
        told = await processes.read_to_end(telling)
        if told:
            init = int(json.loads(told)["child-pid"])
            await _settle(init, cell)
            os.write(go, b".")
            return outer, init
    except BaseException:
        await processes.end_tree(outer)
        raise
    finally:
        os.close(telling)
        os.close(go)
    await processes.ended(outer)
    assert outer.stderr is not None
    with outer.stderr as words:
        raise BoxGone(f"bubblewrap made no box: {words.read().decode(errors='replace').strip()}")


async def _settle(init: int, cell: AnyCell) -> None:
    """Give a box what all that it starts inherits: its cell, and the first place on the list when memory runs out."""
    try:
        await cell.enter(init)
    except OSError as wrong:
        raise BoxGone(f"the box cannot be moved into its control group: {wrong}") from None
    with contextlib.suppress(OSError):  # a kernel that hides the file: then the list is as it always was
        Path(f"/proc/{init}/oom_score_adj").write_text(FIRST_TO_GO)


def _run_bubblewrap(plan: BoxPlan, info_fd: int, block_fd: int) -> subprocess.Popen[bytes]:
    """Start the box's processes, in a session and so an autogroup of their own."""
    bare: dict[str, Any] = sandbox.bare()
    with sandbox.system_call_filter() as filter_fd:
        command = sandbox.box_command(
            plan.slots, plan.scratch_mib, plan.toolchains, info_fd, filter_fd, plan.process_mib
        )
        return subprocess.Popen[bytes](
            [command[0], "--block-fd", str(block_fd), *command[1:]],
            pass_fds=[info_fd, filter_fd, block_fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **bare,
        )


def _run_doorway(init: int, channel: socket.socket) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-I", "-S", str(_DOORWAY), str(init), str(channel.fileno()), str(BATCH)]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(words, pass_fds=[channel.fileno()], stdin=nothing, stderr=nothing, env={}, cwd="/")
