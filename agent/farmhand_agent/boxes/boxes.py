"""The boxes of a lent machine: one per client identity, started on demand, ended when idle, all ended by a reclaim.

The box that proved at the start that the sandbox works is given to the first identity. Later ones wait some 30 ms for
one of their own. How many there may be, the idle ones among them, says `room`. A box of which it is not sure that it
holds nothing but its jobs is retired: it gets no new ones and ends with its last.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from math import inf

from farmhand_agent.background import background
from farmhand_agent.boxes import room
from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.boxes.box import BoxGone
from farmhand_agent.boxes.tenants import Tenant, Tenants
from farmhand_agent.limits import freeing

IDLE_AFTER = 60.0
"""Seconds without a job after which an identity's box is ended."""

SAME_LOOK = 0.5
"""Seconds for which it is known how much memory the boxes hold; looking costs as much as all else at rest."""

ROOM_WITHIN = 2.0
"""Seconds that a job waits until there is room for its box; what is dying is gone after some milliseconds."""

_TAKEN_BACK = "the machine has been taken back"

_log = logging.getLogger("farmhand.agent")


class Boxes:
    """All boxes of one time of lending.

    Args:
        start: makes a box and waits until it answers.
        slots: jobs at once.
        idle_after: see `IDLE_AFTER`.
        room_within: see `ROOM_WITHIN`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        start: Callable[[], Awaitable[AnyBox]],
        slots: int,
        idle_after: float = IDLE_AFTER,
        room_within: float = ROOM_WITHIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._slots = slots
        self._room_within = room_within
        self._rising = 0  # boxes that come up, all that wait for room left out
        self._door = asyncio.Lock()  # who holds it is the next to find room
        self._roomier = asyncio.Event()  # a box has gone or fallen idle
        self._open = True
        self._frozen = False
        self._starting: set[asyncio.Task[AnyBox]] = set()
        self._running: set[AnyBox] = set()
        self._ending: set[AnyBox] = set()  # killed, but not yet proved gone
        self._spare: asyncio.Task[AnyBox] | None = None
        self._tenants = Tenants(idle_after, self.end)
        self._jobs: Counter[AnyBox] = Counter()
        self._retired: set[AnyBox] = set()
        self._cpu: dict[AnyBox, float] = {}
        self._ended_cpu = 0.0
        self._clock = clock
        self._weights: dict[AnyBox, float] = {}
        self._weighed_at = -inf

    async def warm_up(self) -> AnyBox:
        """Bring the first box up, for whoever comes first.

        Raises:
            BoxGone: no box can be made, or the machine is being taken back.
        """
        self._spare = self._begin()
        box = await asyncio.shield(self._spare)
        if not self._open:
            raise BoxGone(_TAKEN_BACK)
        return box

    def resize(self, slots: int) -> None:
        """Make do with what so many slots need: idle boxes may end."""
        self._slots = slots
        self._make_room(0)

    @asynccontextmanager
    async def serving(self, identity: str) -> AsyncGenerator[AnyBox]:
        """Hold the box of `identity` for one job; a box that died is replaced.

        Raises:
            BoxGone: no box can be made, or the machine is being taken back.
        """
        tenant = self._tenants.enter(identity)
        try:
            async with tenant.lock:
                box = await self._box_of(tenant)
            self._jobs[box] += 1
            try:
                yield box
            finally:
                self._jobs[box] -= 1
                self._end_if_out_of_use(box)
        finally:
            self._tenants.leave(identity, tenant)
            self._roomier.set()

    def retire(self, box: AnyBox) -> None:
        """Send no more jobs to a box; it ends with the last of those it has."""
        if box in self._running:
            self._tenants.evict(box)
            self._retired.add(box)
            self._end_if_out_of_use(box)

    def renew(self) -> None:
        """Let every box there is end with its jobs, for boxes are to be made otherwise from now on."""
        for task in self._starting:
            task.add_done_callback(self._discard)
        for box in list(self._running):
            self.retire(box)

    def end(self, box: AnyBox) -> None:
        """End a box now, with all jobs in it."""
        if box not in self._running:
            return
        self._tenants.evict(box)
        try:
            self._note_cpu(box)  # the kernel forgets the figure with the box
        except Exception:
            _log.exception("the CPU time of a box that ends could not be counted")
        self._kill(box)
        background(self._until_gone(box))

    def end_all_but(self, kept: Collection[AnyBox | None]) -> None:
        """End every box now, with all jobs in it, but those of `kept` that are not retired.

        Raises:
            Exception: one could not be killed; all others were.
        """
        faults: list[Exception] = []
        ending = [one for one in self._running if one not in kept or one in self._retired]
        for box in ending:
            try:
                self.end(box)
            except Exception as wrong:
                faults.append(wrong)
        freeing.help_to_die([box.members for box in ending])
        if faults:
            raise faults[0]

    async def ended(self) -> None:
        """Wait until those boxes are gone that were ended so far."""
        for box in list(self._ending):
            await self._until_gone(box)

    def freeze(self) -> None:
        """Stop everything in every box where it stands, and every box that comes up until `thaw`."""
        self._frozen = True
        for box in self._running:
            box.freeze()

    def thaw(self) -> None:
        """Let everything go on."""
        self._frozen = False
        for box in self._running:
            box.thaw()

    def kill_all(self) -> None:
        """End every box now; none is started any more. May be repeated.

        One that could not be killed is told to the log; `all_gone` tries it again.
        """
        self._open = False
        killed = [*self._running, *self._ending]
        for wrong in self._kill_each(killed):
            _log.error("a box could not be killed", exc_info=wrong)
        for task in self._starting:
            if not task.cancelling():  # told already: a second word would tear it from ending what it began
                task.cancel()
        self._spare = None
        self._tenants.close()
        freeing.help_to_die([box.members for box in killed])

    async def all_gone(self) -> None:
        """Wait until no box runs any more, those included that were just coming up.

        Raises:
            Exception: what killing a box said; then nothing is proved.
        """
        while self._starting or self._running or self._ending:
            if self._starting:
                await asyncio.wait(set(self._starting))
            for wrong in self._kill_each(list(self._running)):  # came up after all others were killed
                raise wrong
            for box in list(self._ending):
                await self._until_gone(box)

    def cpu_seconds(self) -> float:
        """CPU time in seconds of all boxes so far, those that have ended included; never falls."""
        for box in self._running:
            self._note_cpu(box)
        return self._ended_cpu + sum(self._cpu.values())

    def memory_mib(self) -> float:
        """Memory in MiB that the boxes hold now."""
        return sum(self._held().values())

    def shed(self, most_mib: float) -> None:
        """End the box that holds the most if all together hold more than `most_mib` MiB."""
        held = self._held()
        if sum(held.values()) > most_mib:
            greatest = max(held, key=held.__getitem__)
            _log.warning("the jobs hold %.0f MiB, more than they may; the greatest box ends", sum(held.values()))
            self.end(greatest)

    def _held(self) -> dict[AnyBox, float]:
        """MiB that each box holds; who asks right after somebody else, at the same tick, hears the same."""
        now = self._clock()
        if now - self._weighed_at >= SAME_LOOK or self._weights.keys() != self._running:
            self._weights, self._weighed_at = {box: box.memory_mib() for box in self._running}, now
        return self._weights

    async def _box_of(self, tenant: Tenant) -> AnyBox:
        if tenant.box is not None and not tenant.box.alive:
            self.end(tenant.box)
        if tenant.box is None:
            box = await self._claim_spare()
            if not self._open:
                raise BoxGone(_TAKEN_BACK)
            tenant.box = box
        return tenant.box

    async def _claim_spare(self) -> AnyBox:
        """Take the spare box, or make one; a claim that is given up puts it back."""
        for _ in range(2):
            claimed, self._spare = self._spare or self._begin(), None
            try:
                box = await asyncio.shield(claimed)
            except asyncio.CancelledError:
                if self._spare is None:
                    self._spare = claimed
                else:
                    claimed.add_done_callback(self._discard)
                raise
            if box.alive:
                return box
            self.end(box)
        raise BoxGone("boxes end as soon as they have come up")

    def _begin(self) -> asyncio.Task[AnyBox]:
        if not self._open:
            raise BoxGone(_TAKEN_BACK)
        task = asyncio.create_task(self._start_one())
        self._starting.add(task)
        task.add_done_callback(self._started)
        return task

    async def _start_one(self) -> AnyBox:
        await self._find_room()
        try:
            box = await self._start()
        except BoxGone:
            raise
        except OSError as wrong:
            _log.exception("no box can be made")
            raise BoxGone(f"no box can be made: {wrong}") from wrong
        finally:
            self._rising -= 1
            self._roomier.set()
        self._running.add(box)
        if self._frozen:
            box.freeze()
        return box

    async def _find_room(self) -> None:
        """Wait until one more box may come up, one after the other.

        Raises:
            BoxGone: there was no room in time.
        """
        try:
            async with asyncio.timeout(self._room_within), self._door:
                while self._rising + len(self._running) + len(self._ending) >= room.most(self._slots):
                    self._make_room(1)
                    self._roomier.clear()
                    await self._roomier.wait()
                self._rising += 1
        except TimeoutError:
            raise BoxGone("there is no room for another box") from None

    def _make_room(self, wanted: int) -> None:
        """End idle boxes until so many more may come up."""
        for identity in room.who_goes(self._tenants.idle(), self._rising + len(self._running) + wanted, self._slots):
            try:
                self._tenants.dismiss(identity)
            except Exception:
                _log.exception("an idle box could not be killed")

    def _started(self, task: asyncio.Task[AnyBox]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and task.exception() is not None and self._spare is task:
            self._spare = None  # the next job tries again and is told why

    def _discard(self, task: asyncio.Task[AnyBox]) -> None:
        if not task.cancelled() and task.exception() is None:
            self.end(task.result())

    def _end_if_out_of_use(self, box: AnyBox) -> None:
        if not self._jobs[box]:
            del self._jobs[box]
            if box in self._retired:
                self.end(box)

    def _note_cpu(self, box: AnyBox) -> None:
        self._cpu[box] = max(self._cpu.get(box, 0.0), box.cpu_seconds())

    def _kill_each(self, boxes: Iterable[AnyBox]) -> list[Exception]:
        """Kill all of these; one that fails spares no other. Returns what went wrong."""
        faults: list[Exception] = []
        for box in boxes:
            try:
                self._kill(box)
            except Exception as wrong:
                faults.append(wrong)
        return faults

    def _kill(self, box: AnyBox) -> None:
        box.kill()
        self._running.discard(box)
        self._retired.discard(box)
        self._ending.add(box)

    async def _until_gone(self, box: AnyBox) -> None:
        await box.gone()
        self._ending.discard(box)
        self._roomier.set()
        self._ended_cpu += self._cpu.pop(box, 0.0)
