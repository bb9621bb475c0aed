"""One box without namespaces: a stock distccd behind Landlock and a filter of system calls, kept by a ward.

It holds the same promises as `box.Box`, for machines whose kernel lets no ordinary user make namespaces. To end it, the
agent kills all that bear the box's mark, and hangs up on the ward, which ends whatever came up meanwhile. A ward that
ends by itself has seen the last process of the box end and has removed its files: that is the proof behind "nothing
left". If the ward was killed, the agent does both in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from farmhand.distcc.protocol import ReplyReader, request
from farmhand_agent.background import background
from farmhand_agent.boxes import landlock, sandbox, walls, ward
from farmhand_agent.boxes.box import BoxGone, BoxPlan
from farmhand_agent.boxes.port import PrivatePort
from farmhand_agent.limits import priority
from farmhand_agent.limits.enclosure import AnyCell, NoCell
from farmhand_agent.traces import box_files, marks, processes
from farmhand_agent.traces.leftovers import Trace

PATIENCE = 10.0
"""Seconds that distccd may take to answer for the first time."""

FOLDERS = (Path("/dev/shm"), Path(tempfile.gettempdir()))
"""Where boxes have their folders: in memory if there is room."""

COMPILERS = "/usr/lib/distcc"
"""Where distccd finds the names that it accepts."""

_PREFIX = "farmhand-box-"

_log = logging.getLogger("farmhand.agent")


class LandlockBox:
    """One running box. Made by `LandlockBox.start`; ended by `kill` and awaited by `gone`."""

    def __init__(
        self,
        outer: subprocess.Popen[bytes],
        program: int,
        plan: BoxPlan,
        trace: Trace,
        port: PrivatePort,
        cell: AnyCell,
    ) -> None:
        self._outer = outer
        self._room = plan.scratch_mib << 20
        self._cell = cell
        self._program = program
        self._trace = trace
        self._port = port
        self._pidfd = os.pidfd_open(outer.pid)
        self._watched = False
        self._end: asyncio.Task[None] | None = None
        self._hurry: asyncio.Task[None] | None = None
        self.priority = ""

    @classmethod
    async def start(cls, plan: BoxPlan, cell: AnyCell | None = None, version: int | None = None) -> LandlockBox:
        """Bring a box up and wait until its distccd answers.

        Args:
            plan: how.
            cell: its control group, which ends with it; None: there is none.
            version: of Landlock; None: the kernel's.

        Raises:
            BoxGone: it did not come up; the message says what was refused.
        """
        cell = cell or NoCell()
        try:
            box = await _make(plan, cell, walls.abi() if version is None else version)
        except BaseException:
            await cell.remove()
            raise
        try:
            async with asyncio.timeout(PATIENCE):
                await box._answers()
            box.priority = cell.priority or await priority.lower(marks.marked(box._trace.mark))
        except BaseException as wrong:
            box.kill()
            await box.gone()
            if isinstance(wrong, TimeoutError):
                raise BoxGone("distccd in the box does not answer") from None
            raise
        return box

    @property
    def alive(self) -> bool:
        """Whether anything may still run in it."""
        return self._pidfd >= 0 and not processes.is_readable(self._pidfd)

    @property
    def pids(self) -> tuple[int, ...]:
        """The ward, with which everything in the box ends, and distccd."""
        return self._outer.pid, self._program

    @property
    def traces(self) -> tuple[Trace, ...]:
        """What finds the box again if this agent and the ward are killed."""
        return (self._trace,)

    async def connect(self) -> socket.socket:
        """Return a socket that is connected to the box's distccd, non-blocking.

        Raises:
            BoxGone: nobody answers inside.
        """
        if not self.alive:
            raise BoxGone("the box has ended")
        try:
            one = await self._port.connect()
        except ConnectionError as wrong:
            raise BoxGone(f"the box does not answer: {wrong}") from None
        if not self._watched:
            self._watched = True
            self._tell(ward.WATCH)
        return one

    def freeze(self) -> None:
        """Stop everything in the box where it stands."""
        if not self._cell.freeze():
            marks.freeze_marked(self._trace.mark)

    def thaw(self) -> None:
        """Let everything in the box go on."""
        if not self._cell.thaw():
            marks.signal_marked(self._trace.mark, signal.SIGCONT)

    def kill(self) -> None:
        """End everything in the box; returns at once, may be repeated."""
        if self.alive:
            if not priority.hasten(self._program) and self._hurry is None:
                self._hurry = background(priority.hasten_patiently(self._program))
            if not self._cell.kill():
                marks.signal_marked(self._trace.mark, signal.SIGKILL)
        assert self._outer.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._outer.stdin.close()
        self._port.close()

    def members(self) -> list[int]:
        """All processes in it, the youngest first: those are the compilers."""
        return sorted(marks.marked(self._trace.mark), reverse=True) if self.alive else []

    async def gone(self) -> None:
        """Wait until nothing of the box runs and its files are removed; several may wait at once."""
        if self._end is None:
            self._end = asyncio.create_task(self._await_end())
        await asyncio.shield(self._end)

    def cpu_seconds(self) -> float:
        """CPU time in seconds that everything in the box has used so far."""
        counted = self._cell.cpu_seconds() if self.alive else 0.0
        return counted if counted is not None else sum(processes.cpu_seconds(pid) for pid in self._family())

    def memory_mib(self) -> float:
        """Memory in MiB that the box holds now: its processes' own, and its files where they lie in memory."""
        counted = self._cell.memory_mib() if self.alive else 0.0
        if counted is not None:
            return counted
        files = box_files.used(self._trace.folder, self._room) if self._trace.folder.startswith("/dev/shm/") else 0
        return files / (1 << 20) + sum(processes.memory_mib(pid) for pid in self._family())

    def _family(self) -> list[int]:
        return list(processes.tree(self._outer.pid)) if self.alive else []

    def _tell(self, word: bytes) -> None:
        assert self._outer.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            os.write(self._outer.stdin.fileno(), word)

    async def _answers(self) -> None:
        """Wait until distccd has taken a call, found that it is none of its own and hung up.

        That somebody listens would not tell it: the socket listens before distccd is there.
        """
        calling = asyncio.create_task(self._call())
        ended = asyncio.create_task(processes.readable(self._pidfd))
        try:
            await asyncio.wait((calling, ended), return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                raise BoxGone(f"the box ended at once: {self._words()}")
            await calling
        finally:
            calling.cancel()
            ended.cancel()
            await asyncio.gather(calling, ended, return_exceptions=True)

    async def _call(self) -> None:
        with await self._port.connect() as one:
            one.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                await asyncio.get_running_loop().sock_recv(one, 1)

    def _words(self) -> str:
        return _told(self._outer) if not self.alive else "no reason given"

    async def _await_end(self) -> None:
        await processes.readable(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        if self._hurry is not None:
            self._hurry.cancel()
        status = self._outer.wait()
        self._port.close()
        if status == ward.OVERFULL:
            _log.warning("a box was ended: its files outgrew their room")
        elif status != ward.ENDED:
            _log.warning("the ward of a box ended with %d; what it left is ended", status)
            await asyncio.to_thread(self._trace.clear)
        assert self._outer.stdin is not None
        assert self._outer.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self._outer.stdin.close()
        self._outer.stderr.close()  # kept open till now: distccd must never write into a broken pipe
        await self._cell.remove()


async def why_unusable(patience: float = 10.0) -> str:
    """Try such a box for real.

    Args:
        patience: seconds after which one that does not come up counts as unusable.

    Returns:
        "" when a box can be made here, else what is missing.
    """
    if problem := sandbox.why_no_distccd() or landlock.why_impossible():
        return problem
    box = None
    try:
        async with asyncio.timeout(patience):
            box = await LandlockBox.start(BoxPlan(1, 64))
            served = await _serves(box)
    except TimeoutError:
        return f"a box behind Landlock did not answer in {patience:g} s"
    except (BoxGone, OSError) as wrong:
        return f"a box behind Landlock does not come up: {wrong}"
    finally:
        if box is not None:
            box.kill()
            await box.gone()
    return "" if served else "this distccd serves nobody who calls on a Unix socket"


async def _serves(box: LandlockBox) -> bool:
    """Whether distccd takes a request at all: one with a list of addresses would hang up on the gate."""
    loop, reply = asyncio.get_running_loop(), ReplyReader(1)
    with await box.connect() as one, contextlib.suppress(ConnectionError):
        await loop.sock_sendall(
            one, request([min(os.listdir(COMPILERS), default="cc"), "-c", "a.i", "-o", "a.o"], b"int x;\n")
        )
        while not reply.complete and (data := await loop.sock_recv(one, 4096)):
            reply.feed(data)
    return reply.complete


def make_folder(room_mib: int) -> Path:
    """Make a box's own folder where there is most likely room for it.

    Raises:
        BoxGone: nowhere.
    """
    usable = [path for path in FOLDERS if os.access(path, os.W_OK | os.X_OK)]
    roomy = [path for path in usable if shutil.disk_usage(path).free >= room_mib << 20]
    for place in (*roomy, *usable):
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
            if os.geteuid() == 0:
                shutil.chown(folder, sandbox.NOBODY)
            return folder
    raise BoxGone(f"no folder for a box can be made in {' or '.join(map(str, FOLDERS))}")


async def _make(plan: BoxPlan, cell: AnyCell, version: int) -> LandlockBox:
    """Make a box, which need not answer yet.

    Raises:
        BoxGone: it cannot be made.
    """
    trace = Trace(str(make_folder(plan.scratch_mib)), marks.new_mark())
    port = None
    try:
        port = PrivatePort(Path(trace.folder))
        spec = landlock.describe(plan, trace.folder, trace.mark, port.fileno(), version, os.geteuid() == 0)
        outer = _run_ward(port.fileno())
        try:
            program = await _shut_in(outer, spec, cell)
            return LandlockBox(outer, program, plan, trace, port, cell)
        except BaseException:
            await _dismiss(outer)
            raise
    except BaseException as wrong:
        if port is not None:
            port.close()
        await asyncio.to_thread(trace.clear)
        if isinstance(wrong, OSError) and not isinstance(wrong, BoxGone):
            raise BoxGone(f"Landlock made no box: {wrong}") from None
        raise


async def _shut_in(outer: subprocess.Popen[bytes], spec: walls.Spec, cell: AnyCell) -> int:
    """Let a ward start its program, which does nothing before it is in its cell; returns its number.

    Raises:
        BoxGone: a wall could not be built.
        OSError: the program could not be moved into its cell.
    """
    assert outer.stdin is not None
    assert outer.stdout is not None
    telling = outer.stdout.fileno()
    with contextlib.suppress(BrokenPipeError):
        os.write(outer.stdin.fileno(), json.dumps(spec).encode() + b"\n")
    await processes.readable(telling)
    if told := os.read(telling, 64):
        await cell.enter(int(told))
        with contextlib.suppress(BrokenPipeError):
            os.write(outer.stdin.fileno(), ward.GO)
        if await processes.read_to_end(telling):
            outer.stdout.close()
            return int(told)
    await processes.ended(outer)
    raise BoxGone(f"Landlock made no box: {_told(outer)}")


async def _dismiss(outer: subprocess.Popen[bytes]) -> None:
    """End a ward that has no box yet; it finds its pipe closed and goes. A reclaim goes on meanwhile."""
    for pipe in (outer.stdin, outer.stdout):
        if pipe is not None:
            pipe.close()
    await processes.ended(outer)
    _told(outer)


def _run_ward(listener: int) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen[bytes](
        ward.command(),
        bufsize=0,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        pass_fds=[listener],
        env={},
        cwd="/",
        start_new_session=True,
    )


def _told(outer: subprocess.Popen[bytes]) -> str:
    """The last words of a ward that has ended; only once."""
    assert outer.stderr is not None
    if outer.stderr.closed:
        return ""
    with outer.stderr as words:
        return words.read().decode(errors="replace").strip() or "no reason given"
