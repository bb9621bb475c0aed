"""The gate: the public compile port in front of the boxes. It admits, relays, counts and cuts.

It listens only while the machine is lent. A reclaim is two steps: `shut`, synchronous, orders everything dead and cuts
every client; `gone` is the proof that nothing is left.

A client gets further step by step, and only as far as it is known:

1. Where neither its address nor a ticket can admit it, it is cut before a byte is read.
2. Its first bytes are read, 4 KiB at most: they hold the ticket, or show that there is none. Now it is judged.
3. distccd tells nobody that it is full, so it waits here for a slot, briefly, and is turned away if none comes free.
4. Only with a slot is its command line read, 4 MiB at most, and a box found for it.

So strangers cost 4 KiB each, and what clients make the gate keep in memory is bounded by its slots. How many strangers
there may be at once the `entrance` bounds, and the `turnstile` how many may wait for a slot.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from farmhand.distcc.protocol import ProtocolError
from farmhand.wire.ticket import ADMITTED, BUSY, DENIED, token
from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.boxes.box import BoxGone
from farmhand_agent.boxes.boxes import Boxes
from farmhand_agent.gate.admission import Admission, Client, Turned
from farmhand_agent.gate.entrance import Entrance, Visit
from farmhand_agent.gate.greeting import CHUNK, Greeting, read_head, read_opening
from farmhand_agent.gate.jobs import End, Job, Ledger, NoLedger, Refusal
from farmhand_agent.gate.pace import Pace
from farmhand_agent.gate.relay import relay
from farmhand_agent.gate.sockets import keep_alive, listen
from farmhand_agent.gate.trimming import who_stays
from farmhand_agent.gate.turnstile import Full, Turnstile

FAREWELL = 1.0
"""Seconds that a client has to take a refusal in: closing earlier would tear it from its hands."""

_log = logging.getLogger("farmhand.agent")

_CLEAN_ENDS = (End.SERVED, End.STALLED)
"""Ends that leave a box as it was. After others it may be dying, or hold a compiler deaf to the SIGTERM of distccd."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the gate waits for what, in seconds.

    Attributes:
        ticket: for a client's ticket.
        header: for its command line.
        stall: for the next byte of an upload, and for all of them together beyond what `pace` allows.
        queue: for a free slot.
        lifetime: for one compile.
        connect: for a box to answer.
    """

    ticket: float = 2.0
    header: float = 5.0
    stall: float = 10.0
    queue: float = 2.0
    lifetime: float = 600.0
    connect: float = 5.0


class Gate:
    """One port, many boxes.

    Args:
        start_box: makes a box; the gate, not the box, holds the limit of slots.
        admission: who may come in; replace it whenever something is learned.
        patience: the deadlines.
        changed: called after a job began, and after a slot came free.
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
        self._entrance: Entrance | None = None
        self._inside: dict[Visit, asyncio.Task[None]] = {}  # hold a slot; oldest first

    async def open(self, host: str, port: int, slots: int) -> None:
        """Bring the first box up, then listen.

        Raises:
            OwnerError: the port is taken or the address is not this machine's.
            BoxGone: no box can be made here.
        """
        self._boxes = boxes = Boxes(self._start_box, slots)
        self.priority = (await boxes.warm_up()).priority
        listener = listen(host, port)
        self.address = listener.getsockname()[:2]
        self._turnstile = Turnstile(slots)
        self._entrance = Entrance(listener, self._serve)

    def resize(self, slots: int) -> None:
        """Hold so many jobs at once from now on; 0 lets running ones finish and admits no more."""
        self._turnstile.resize(slots)
        if self._boxes is not None:
            self._boxes.resize(slots)

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

    @property
    def occupied(self) -> bool:
        """Whether somebody holds a slot: a job that runs, or one that still says what it is."""
        return bool(self._inside)

    def revise(self, admission: Admission) -> None:
        """Go by a new admission, for running and waiting jobs too: who may not stay is cut."""
        self.admission = admission
        for who, task in self._entrance.admitted() if self._entrance else ():
            if not admission.still_good(who):
                task.cancel(End.WITHDRAWN.name)

    def renew_boxes(self) -> None:
        """Let running jobs finish in their boxes, and make new ones for those that come."""
        if self._boxes is not None:
            self._boxes.renew()

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
        if self._entrance is not None:
            self._entrance.shut(End.RECLAIMED.name)
        self.address = None

    async def gone(self) -> None:
        """Wait until nothing of the farm is left on this machine; several may wait at once.

        The boxes are forgotten only once it is proved: until then `shut` finds them again.
        """
        if self._boxes is not None:
            await self._boxes.all_gone()
        if self._entrance is not None:
            await self._entrance.empty()
        self._boxes = self._entrance = None

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

    async def _serve(self, visit: Visit) -> None:
        """Serve one connection to its end."""
        arrived = time.monotonic()
        with suppress(TimeoutError, ProtocolError, OSError):  # a client that broke its word: that it is cut tells it
            keep_alive(visit.client)
            if self.admission.closed_to(visit.address):
                self._ledger.refused(Refusal.DENIED)
                return
            greeting = await self._hear(read_opening(visit.client), self._patience.ticket)
            verdict = self.admission.judge(visit.address, greeting.ticket, time.monotonic())
            if isinstance(verdict, Turned):
                self._ledger.refused(Refusal.DENIED)
                await _refuse(visit, greeting, DENIED, verdict.reason)
            else:
                assert self._entrance is not None, "its visits end before it does"
                self._entrance.admit(visit, verdict)
                await self._queue(visit, greeting, verdict, arrived)

    async def _hear(self, reading: Awaitable[Greeting], patience: float) -> Greeting:
        """Read what a client must say.

        Raises:
            TimeoutError, ProtocolError, OSError: it does not say it; that is counted already.
        """
        try:
            async with asyncio.timeout(patience):
                return await reading
        except (TimeoutError, ProtocolError, OSError):
            self._ledger.refused(Refusal.RUDE)
            raise

    async def _queue(self, visit: Visit, greeting: Greeting, who: Client, arrived: float) -> None:
        try:
            async with self._turnstile.slot(who, self._patience.queue), self._place(visit):
                greeting = await self._hear(read_head(visit.client, greeting), self._patience.header)
                await self._run(visit, greeting, who, arrived)
        except Full as full:
            self._ledger.refused(Refusal.FULL)
            self._dismiss(visit)
            await _refuse(visit, greeting, BUSY, str(full))
        except BoxGone as gone:
            self._ledger.refused(Refusal.NO_BOX)
            self._dismiss(visit)
            await _refuse(visit, greeting, BUSY, str(gone))

    def _dismiss(self, visit: Visit) -> None:
        if self._entrance is not None:
            self._entrance.dismiss(visit)

    @asynccontextmanager
    async def _place(self, visit: Visit) -> AsyncGenerator[None]:
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
            self._changed()

    async def _run(self, visit: Visit, greeting: Greeting, who: Client, arrived: float) -> None:
        boxes = self._boxes
        if boxes is None:
            raise BoxGone("the machine has been taken back")
        async with boxes.serving(who.identity) as visit.box:
            box = visit.box
            with await self._connect(boxes, box) as inside:
                if greeting.ticket is not None:
                    await asyncio.get_running_loop().sock_sendall(visit.client, token(ADMITTED))
                job = Job.begin(who, greeting.argv, arrived)
                end = End.CUT
                self._begin(job)
                try:
                    end = await self._relay(visit.client, inside, greeting, job)
                except asyncio.CancelledError as cut:
                    end = End.by(cut)
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
                return await relay(client, inside, greeting, job, Pace(self._patience.stall))
        except TimeoutError:
            return End.LIFETIME

    def _begin(self, job: Job) -> None:
        self.jobs.append(job)
        self._changed()

    def _end(self, job: Job, end: End) -> None:
        self.jobs.remove(job)
        self._ledger.ended(job, end)


async def _refuse(visit: Visit, greeting: Greeting, word: bytes, reason: str) -> None:
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
