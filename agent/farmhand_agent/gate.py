"""The gate: the public compile port in front of the boxes. It admits, relays, counts and cuts.

It listens only while the machine is lent. distccd tells nobody that it is full, so a job waits here for a slot,
briefly, and is turned away if none comes free. A reclaim is two steps: `shut`, synchronous, orders everything dead and
cuts every client; `gone` is the proof that nothing is left.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from farmhand.distcc.command import source_file
from farmhand.distcc.protocol import ProtocolError
from farmhand.errors import OwnerError
from farmhand.machine import join_address
from farmhand.wire.ticket import ADMITTED, BUSY, DENIED, token
from farmhand_agent.admission import Admission, Client, Turned
from farmhand_agent.box import BoxGone
from farmhand_agent.boxes import AnyBox, Boxes
from farmhand_agent.greeting import Greeting, read_greeting
from farmhand_agent.jobs import End, Job
from farmhand_agent.relay import relay
from farmhand_agent.turnstile import Full, Turnstile

MAX_STRANGERS = 512
"""Connections that may be waiting for their first bytes to be complete; more are cut at once."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the gate waits for what, in seconds.

    Attributes:
        header: for a client's ticket and command line.
        stall: for the next byte of an upload.
        queue: for a free slot.
        lifetime: for one compile.
    """

    header: float = 5.0
    stall: float = 10.0
    queue: float = 2.0
    lifetime: float = 600.0


class Gate:
    """One port, many boxes.

    Args:
        start_box: makes a box; the gate, not the box, holds the limit of slots.
        admission: who may come in; replace it whenever something is learned.
        patience: the deadlines.
        changed: called after a job began or ended.

    Attributes:
        address: where it listens, as (address, port); None while shut.
        jobs: what runs, oldest first.
    """

    def __init__(
        self,
        start_box: Callable[[], Awaitable[AnyBox]],
        admission: Admission,
        patience: Patience,
        changed: Callable[[], None],
    ) -> None:
        self.admission = admission
        self.jobs: list[Job] = []
        self.address: tuple[str, int] | None = None
        self.priority = ""
        self._start_box = start_box
        self._patience = patience
        self._changed = changed
        self._turnstile = Turnstile()
        self._boxes: Boxes | None = None
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._serving: dict[asyncio.Task[None], Job | None] = {}
        self._strangers = 0

    async def open(self, host: str, port: int, slots: int) -> None:
        """Bring the first box up, then listen.

        Raises:
            OwnerError: the port is taken or the address is not this machine's.
            BoxGone: no box can be made here.
        """
        self._boxes = boxes = Boxes(self._start_box)
        self.priority = (await boxes.warm_up()).priority
        self._listener = listen(host, port)
        self.address = self._listener.getsockname()[:2]
        self._turnstile = Turnstile(slots)
        self._accepting = asyncio.create_task(self._accept(self._listener))

    def resize(self, slots: int) -> None:
        """Hold so many jobs at once from now on; 0 lets running ones finish and admits no more."""
        self._turnstile.resize(slots)

    @property
    def slots(self) -> int:
        """Jobs that may run at once."""
        return self._turnstile.limit

    def revise(self, admission: Admission) -> None:
        """Go by a new admission, for running jobs too: who would not be let in any more is cut."""
        self.admission = admission
        for task, job in self._serving.items():
            if job is not None and not admission.still_good(job.client):
                task.cancel(End.WITHDRAWN.name)

    def shut(self) -> None:
        """Order everything dead: boxes first, then clients. Returns at once; may be repeated."""
        if self._boxes is not None:
            self._boxes.kill_all()
        for task in self._serving:
            task.cancel(End.RECLAIMED.name)
        if self._accepting is not None:
            self._accepting.cancel()
        self.address = None

    async def gone(self) -> None:
        """Wait until nothing of the farm is left on this machine."""
        boxes, accepting = self._boxes, self._accepting
        self._boxes = self._accepting = None
        if boxes is not None:
            await boxes.all_gone()
        tasks = [task for task in (accepting, *self._serving) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def cpu_seconds(self) -> float:
        """CPU time in seconds of the farm's work since the gate opened."""
        return self._boxes.cpu_seconds() if self._boxes else 0.0

    def memory_mib(self) -> float:
        """Memory in MiB that the farm's work holds now."""
        return self._boxes.memory_mib() if self._boxes else 0.0

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, peer = await loop.sock_accept(listener)
            except OSError as wrong:
                if wrong.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    continue  # the client was gone before we took it
                await asyncio.sleep(0.1)  # out of descriptors: let running jobs give some back
                continue
            if self._strangers >= MAX_STRANGERS:
                _reset(client)
                continue
            task = asyncio.create_task(self._serve(client, str(peer[0])))
            self._serving[task] = None
            task.add_done_callback(lambda done: self._serving.pop(done, None))

    async def _serve(self, client: socket.socket, address: str) -> None:
        """Serve one connection to its end; the socket is closed hard, so that the other side knows at once."""
        arrived = time.monotonic()
        try:
            _keep_alive(client)
            self._strangers += 1
            try:
                async with asyncio.timeout(self._patience.header):
                    greeting = await read_greeting(client)
            finally:
                self._strangers -= 1
            verdict = self.admission.judge(address, greeting.ticket, time.monotonic())
            if isinstance(verdict, Turned):
                await _refuse(client, greeting, DENIED, verdict.reason)
            else:
                await self._queue(client, greeting, verdict, arrived)
        except (TimeoutError, ProtocolError, OSError):
            pass  # a client that broke its word costs nobody a slot; the reset below tells it
        finally:
            _reset(client)

    async def _queue(self, client: socket.socket, greeting: Greeting, who: Client, arrived: float) -> None:
        try:
            async with self._turnstile.slot(who, self._patience.queue):
                await self._run(client, greeting, who, arrived)
        except Full as full:
            await _refuse(client, greeting, BUSY, str(full))
        except BoxGone as gone:
            await _refuse(client, greeting, BUSY, str(gone))

    async def _run(self, client: socket.socket, greeting: Greeting, who: Client, arrived: float) -> None:
        if self._boxes is None:
            raise BoxGone("the machine has been taken back")
        async with self._boxes.serving(who.identity) as box:
            with await box.connect() as inside:
                if greeting.ticket is not None:
                    await asyncio.get_running_loop().sock_sendall(client, token(ADMITTED))
                job = _job(who, greeting, arrived)
                self._begin(job)
                try:
                    await self._relay(client, inside, greeting, job)
                finally:
                    self._end(job)

    async def _relay(self, client: socket.socket, inside: socket.socket, greeting: Greeting, job: Job) -> None:
        try:
            async with asyncio.timeout(self._patience.lifetime):
                await relay(client, inside, greeting, job, self._patience.stall)
        except TimeoutError:
            if self._boxes is not None:  # distccd only asks a compiler to end; one that is deaf would stay
                self._boxes.end(job.client.identity)

    def _begin(self, job: Job) -> None:
        self.jobs.append(job)
        self._serving[cast(asyncio.Task[Any], asyncio.current_task())] = job
        self._changed()

    def _end(self, job: Job) -> None:
        self.jobs.remove(job)
        self._changed()


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket; `::` takes IPv4 too.

    Raises:
        OwnerError: the port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server(
            (host, port), family=family, backlog=1024, dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6()
        )
    except OSError as wrong:
        where = join_address(host, port)
        if wrong.errno == errno.EADDRINUSE:
            told = f"another program uses {where}; set `gate` to a free port, or end that program"
        else:
            told = f"cannot listen on {where} ({wrong.strerror}); set `gate` to an address of this machine"
        raise OwnerError(told) from None
    found.setblocking(False)
    with suppress(OSError):  # a client that says nothing then costs not even an accept
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    return found


def _job(who: Client, greeting: Greeting, arrived: float) -> Job:
    argv = greeting.argv
    return Job(
        client=who,
        compiler=argv[0] if argv else "",
        file=PurePosixPath(source_file(argv)).name,
        arrived=arrived,
        started=time.monotonic(),
        started_at=time.time(),
    )


def _keep_alive(client: socket.socket) -> None:
    """Notice a client whose machine or link died within about 15 s."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 3), (socket.TCP_KEEPCNT, 3)):
        client.setsockopt(socket.IPPROTO_TCP, option, value)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000)


async def _refuse(client: socket.socket, greeting: Greeting, word: bytes, reason: str) -> None:
    """Say why to a client that understands; plain distcc only understands a cut connection."""
    if greeting.ticket is not None:
        await asyncio.get_running_loop().sock_sendall(client, token(word, reason))
        client.shutdown(socket.SHUT_WR)


def _reset(client: socket.socket) -> None:
    """Close without lingering: a client in mid-transfer sees a reset instead of half a reply."""
    with suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
