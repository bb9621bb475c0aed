"""The gate: the public compile port in front of the boxes. It admits, relays, counts and cuts.

It listens only while the machine is lent. distccd tells nobody that it is full, so a job waits here for a slot,
briefly, and is turned away if none comes free. A reclaim is two steps: `shut`, synchronous, orders everything dead and
cuts every client; `gone` is the proof that nothing is left.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from farmhand.distcc.command import source_file
from farmhand.distcc.protocol import ProtocolError
from farmhand.wire.ticket import ADMITTED, BUSY, DENIED, token
from farmhand_agent.admission import Admission, Client, Turned
from farmhand_agent.background import background
from farmhand_agent.box import BoxGone
from farmhand_agent.boxes import AnyBox, Boxes
from farmhand_agent.greeting import CHUNK, Greeting, read_greeting
from farmhand_agent.jobs import End, Job, Ledger, NoLedger, Refusal, presentable
from farmhand_agent.relay import relay
from farmhand_agent.sockets import keep_alive, listen, reset
from farmhand_agent.trimming import who_stays
from farmhand_agent.turnstile import Full, Turnstile

MAX_STRANGERS = 512
"""Connections that may be waiting for their first bytes to be complete; for one more the oldest is cut."""

FAREWELL = 1.0
"""Seconds that a client has to take a refusal in: closing earlier would tear it from its hands."""

_log = logging.getLogger("farmhand.agent")

_CLEAN_ENDS = (End.SERVED, End.STALLED)
"""Ends that leave a box as it was. After others it may be dying, or hold a compiler deaf to the SIGTERM of distccd."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the gate waits for what, in seconds.

    Attributes:
        header: for a client's ticket and command line.
        stall: for the next byte of an upload.
        queue: for a free slot.
        lifetime: for one compile.
        connect: for a box to answer.
    """

    header: float = 5.0
    stall: float = 10.0
    queue: float = 2.0
    lifetime: float = 600.0
    connect: float = 5.0


@dataclass(slots=True, eq=False)
class _Visit:
    """One connection.

    Attributes:
        client: the socket.
        address: the client's IP address.
        who: None until it has been admitted.
        told: everything has been said, so the kernel may deliver it in its time; otherwise the client is cut.
        box: where its job runs; None before it does.
    """

    client: socket.socket
    address: str
    who: Client | None = None
    told: bool = False
    box: AnyBox | None = None


class Gate:
    """One port, many boxes.

    Args:
        start_box: makes a box; the gate, not the box, holds the limit of slots.
        admission: who may come in; replace it whenever something is learned.
        patience: the deadlines.
        changed: called after a job began or ended.
        ledger: keeps count of who came.

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
        ledger: Ledger | None = None,
    ) -> None:
        self.admission = admission
        self.jobs: list[Job] = []
        self.address: tuple[str, int] | None = None
        self.priority = ""
        self._start_box = start_box
        self._patience = patience
        self._changed = changed
        self._ledger = ledger or NoLedger()
        self._turnstile = Turnstile()
        self._boxes: Boxes | None = None
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._visits: dict[asyncio.Task[None], _Visit] = {}
        self._inside: dict[_Visit, asyncio.Task[None]] = {}  # hold a slot; oldest first
        self._strangers: dict[_Visit, asyncio.Task[None]] = {}  # have not introduced themselves; oldest first

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

    def trim(self, slots: int) -> int:
        """Hold so many jobs at once from now on, and order dead what runs beyond them: whole boxes, see `who_stays`.

        Returns:
            How many jobs were cut; `trimmed` is the proof that they are gone.

        Raises:
            Exception: a box could not be killed; all others were.
        """
        self.resize(slots)
        stay = who_stays([visit.box for visit in self._inside], slots)
        cut = [task for visit, task in self._inside.items() if visit.box not in stay]
        for task in cut:
            task.cancel(End.RECLAIMED.name)
        if self._boxes is not None:
            self._boxes.end_all_but(stay)
        return len(cut)

    async def trimmed(self) -> None:
        """Wait until what `trim` has ended is gone."""
        if self._boxes is not None:
            await self._boxes.ended()

    @property
    def slots(self) -> int:
        """Jobs that may run at once."""
        return self._turnstile.limit

    def revise(self, admission: Admission) -> None:
        """Go by a new admission, for running and waiting jobs too: who may not stay is cut."""
        self.admission = admission
        for task, visit in self._visits.items():
            if visit.who is not None and not admission.still_good(visit.who):
                task.cancel(End.WITHDRAWN.name)

    def freeze(self) -> None:
        """Stop every running job where it stands; clients wait, unaware."""
        if self._boxes is not None:
            self._boxes.freeze()

    def thaw(self) -> None:
        """Let frozen jobs go on."""
        if self._boxes is not None:
            self._boxes.thaw()

    def shut(self) -> None:
        """Order everything dead: boxes first, then clients. Returns at once; may be repeated."""
        if self._boxes is not None:
            self._boxes.kill_all()
        for task in self._visits:
            task.cancel(End.RECLAIMED.name)
        if self._accepting is not None:
            self._accepting.cancel()
        if self._listener is not None:
            with suppress(OSError):  # shut before
                self._listener.shutdown(socket.SHUT_RDWR)
        self.address = None

    async def gone(self) -> None:
        """Wait until nothing of the farm is left on this machine; several may wait at once.

        The boxes are forgotten only once it is proved: until then `shut` finds them again.
        """
        if self._boxes is not None:
            await self._boxes.all_gone()
        tasks = [task for task in (self._accepting, *self._visits) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        self._boxes = self._accepting = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def cpu_seconds(self) -> float:
        """CPU time in seconds of the farm's work since the gate opened."""
        return self._boxes.cpu_seconds() if self._boxes else 0.0

    def memory_mib(self) -> float:
        """Memory in MiB that the farm's work holds now."""
        return self._boxes.memory_mib() if self._boxes else 0.0

    def shed(self, most_mib: float) -> None:
        """End what holds the most if the farm's work holds more than `most_mib` MiB."""
        if self._boxes is not None:
            self._boxes.shed(most_mib)

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
            self._welcome(_Visit(client, str(peer[0])))
            await asyncio.sleep(0)  # a flood of connections must not keep everything else from running

    def _welcome(self, visit: _Visit) -> None:
        if len(self._strangers) >= MAX_STRANGERS:
            oldest = next(iter(self._strangers))
            self._strangers.pop(oldest).cancel()
        task = background(self._serve(visit))
        self._visits[task] = visit
        self._strangers[visit] = task
        task.add_done_callback(self._part)

    def _part(self, task: asyncio.Task[None]) -> None:
        visit = self._visits.pop(task)
        self._strangers.pop(visit, None)
        if visit.told:
            visit.client.close()
        else:
            reset(visit.client)

    async def _serve(self, visit: _Visit) -> None:
        """Serve one connection to its end."""
        arrived = time.monotonic()
        try:
            keep_alive(visit.client)
            async with asyncio.timeout(self._patience.header):
                greeting = await read_greeting(visit.client)
            self._strangers.pop(visit, None)
            verdict = self.admission.judge(visit.address, greeting.ticket, time.monotonic())
            if isinstance(verdict, Turned):
                self._ledger.refused(Refusal.DENIED)
                await _refuse(visit, greeting, DENIED, verdict.reason)
            else:
                visit.who = verdict
                await self._queue(visit, greeting, verdict, arrived)
        except (TimeoutError, ProtocolError, OSError):
            # A client that broke its word costs nobody a slot; that it is cut tells it.
            if visit in self._strangers:
                self._ledger.refused(Refusal.RUDE)

    async def _queue(self, visit: _Visit, greeting: Greeting, who: Client, arrived: float) -> None:
        try:
            async with self._turnstile.slot(who, self._patience.queue), self._place(visit):
                await self._run(visit, greeting, who, arrived)
        except Full as full:
            self._ledger.refused(Refusal.FULL)
            await _refuse(visit, greeting, BUSY, str(full))
        except BoxGone as gone:
            self._ledger.refused(Refusal.NO_BOX)
            await _refuse(visit, greeting, BUSY, str(gone))

    @asynccontextmanager
    async def _place(self, visit: _Visit) -> AsyncGenerator[None]:
        """Note who holds a slot; one that was given just before slots were taken away is not taken up.

        Raises:
            Full: it was.
        """
        task = asyncio.current_task()
        assert task is not None
        if len(self._inside) >= self.slots:
            raise Full("slots have been taken back")
        self._inside[visit] = task
        try:
            yield
        finally:
            del self._inside[visit]

    async def _run(self, visit: _Visit, greeting: Greeting, who: Client, arrived: float) -> None:
        boxes = self._boxes
        if boxes is None:
            raise BoxGone("the machine has been taken back")
        async with boxes.serving(who.identity) as visit.box:
            box = visit.box
            with await self._connect(boxes, box) as inside:
                if greeting.ticket is not None:
                    await asyncio.get_running_loop().sock_sendall(visit.client, token(ADMITTED))
                job = _job(who, greeting, arrived)
                end = End.CUT
                self._begin(job)
                try:
                    end = await self._relay(visit.client, inside, greeting, job)
                except asyncio.CancelledError as cut:
                    end = _end_of(cut)
                    raise
                finally:
                    self._end(job, end)
                    if end is End.LIFETIME:
                        boxes.end(box)
                    elif end not in _CLEAN_ENDS:
                        boxes.retire(box)
                visit.told = end is End.SERVED

    async def _connect(self, boxes: Boxes, box: AnyBox) -> socket.socket:
        """Connect to a box; one that does not answer gets no more jobs, but those in it, perhaps only frozen, stay.

        Raises:
            BoxGone: it does not answer, or this machine lacks what a connection takes.
        """
        try:
            async with asyncio.timeout(self._patience.connect):
                return await box.connect()
        except (BoxGone, TimeoutError) as wrong:
            boxes.retire(box)
            told = str(wrong) or f"the box did not answer within {self._patience.connect:g} s"
            _log.warning("a box is given up: %s", told)
            raise BoxGone(told) from wrong
        except OSError as wrong:  # ours, such as no descriptors left: neither the client's fault nor the box's
            _log.exception("the gate cannot connect to a box")
            raise BoxGone(f"the gate cannot connect to a box: {wrong}") from wrong

    async def _relay(self, client: socket.socket, inside: socket.socket, greeting: Greeting, job: Job) -> End:
        try:
            async with asyncio.timeout(self._patience.lifetime):
                return await relay(client, inside, greeting, job, self._patience.stall)
        except TimeoutError:
            return End.LIFETIME

    def _begin(self, job: Job) -> None:
        self.jobs.append(job)
        self._changed()

    def _end(self, job: Job, end: End) -> None:
        self.jobs.remove(job)
        self._ledger.ended(job, end)
        self._changed()


def _job(who: Client, greeting: Greeting, arrived: float) -> Job:
    argv = greeting.argv
    return Job(
        client=who,
        compiler=presentable(argv[0]) if argv else "",
        file=presentable(PurePosixPath(source_file(argv)).name),
        arrived=arrived,
        started=time.monotonic(),
        started_at=time.time(),
    )


def _end_of(cut: asyncio.CancelledError) -> End:
    """Why a job was cut: the word with which its task was cancelled; without one the whole agent ends."""
    return End.__members__.get(cut.args[0] if cut.args else "", End.RECLAIMED)


async def _refuse(visit: _Visit, greeting: Greeting, word: bytes, reason: str) -> None:
    """Say why to a client that understands; plain distcc only understands a cut connection."""
    if greeting.ticket is None:
        return
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(visit.client, token(word, reason))
    visit.client.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(FAREWELL):
        while await loop.sock_recv(visit.client, CHUNK):
            pass  # what is still being uploaded
    visit.told = True
