"""Puts the agent together and keeps it alive until it is told to leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from farmhand.errors import OwnerError
from farmhand.lending.lender import State
from farmhand.lending.observation import Choice, Reading, Return, Wish
from farmhand.lending.slots import memory_for_jobs
from farmhand.links.boot import since_boot, slept
from farmhand.links.toolchains import fingerprints
from farmhand.machine import Machine, split_address
from farmhand.settings import Settings, meaning, names
from farmhand.wire.history import AskHistory
from farmhand.wire.local import Block, Choose, Done, Explain, Quit, Reload, SenseView, Snapshot, ToAgent
from farmhand_agent import publish, service_manager
from farmhand_agent.background import background
from farmhand_agent.boxes import sandboxes
from farmhand_agent.boxes.box import BoxGone, BoxPlan
from farmhand_agent.boxes.sandbox import PROCESSES_PER_SLOT
from farmhand_agent.boxes.sandboxes import Found, OwnBox
from farmhand_agent.effects import Effects
from farmhand_agent.farm import Farm, NoFarm, RegistryFarm, is_this_machine
from farmhand_agent.gate.admission import Admission, known_as
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.gate.sockets import EVERYWHERE
from farmhand_agent.journal.journal import Journal, NoJournal
from farmhand_agent.journal.recorder import Recorder
from farmhand_agent.limits.limits import Bounds, Limits
from farmhand_agent.memory import Memory
from farmhand_agent.runtime import Runtime
from farmhand_agent.sensors import sense
from farmhand_agent.server import Answer, LocalServer
from farmhand_agent.ticks import tick
from farmhand_agent.traces.leftovers import Identity, Leftovers

LEAVE_WITHIN = 5.0
"""Seconds that ending the agent may take, once no job may run any more, before it gives up waiting."""

RECALLED = 30.0
"""Days of earlier reclaims that count when it is told how long one takes."""

SANDBOX_RETRY = 30.0
"""Seconds between trials of a sandbox that does not work: the owner may have installed what was missing."""

PROCESSES = 1024
"""Processes and threads that all boxes together may have, beside those of their slots."""

MEMORY_PERIOD = 5.0
"""Seconds between two looks at the memory of all boxes where the kernel does not hold them to it."""

OF_BOXES = ("slots", "scratch", "toolchains", "memory_limit")
"""Settings with which a box is made. When one changes, running jobs finish in the box that they began in."""

_log = logging.getLogger("farmhand.agent")


class Agent:
    """One lending machine.

    Args:
        settings: the owner's.
        machine: this one.
        state: folder of what survives a restart.
        socket: where faces connect.
        reread: reads the settings again; raises OwnerError.
    """

    def __init__(
        self, settings: Settings, machine: Machine, state: Path, socket: Path, reread: Callable[[], Settings]
    ) -> None:
        self._settings = settings
        self._reread = reread
        self._socket = socket
        self._memory = Memory(state)
        self._journal = Journal(state) if settings.journal else NoJournal()
        self._leftovers = Leftovers(socket.with_name("boxes.json"))
        self._limits = Limits(bounds(settings, machine), socket.with_name("cgroup.json"))
        self._leave = asyncio.Event()
        self._sensing: list[asyncio.Task[None]] = []
        self._senses: dict[str, SenseView] = {}
        self._shown: Snapshot | None = None
        self._sandbox = Found(None)
        self._dirty = False
        self._logged = ""
        self._runtime = Runtime(settings, machine, self._memory.choice, self._changed, self._memory.keep_choice)
        self._recorder = Recorder(state, machine, settings)
        self._farm = self._make_farm()
        patience = Patience(queue=settings.queue_wait, lifetime=settings.job_lifetime)
        admission = Admission.of(machine.name, bytes.fromhex(self._memory.key), settings.allow)
        admission = admission.block(self._memory.blocked)
        self._gate = Gate(self._start_box, admission, patience, self._job_changed, self._journal)
        where, reclaimed = gate_address(settings), self._journal.reclaimed
        self._effects = Effects(self._gate, where, self._farm, machine.cores, self._runtime.feed, reclaimed)
        self._server = LocalServer(self._answer, self._snapshot)

    def leave(self, at_once: bool) -> None:
        """Ask the agent to give the machine back and end: at once, as a second word means, or when jobs are done."""
        if not at_once:
            service_manager.wait_for_end(self._settings.grace + 2 * LEAVE_WITHIN)
        self._runtime.end(at_once)
        self._leave.set()

    def reload(self) -> Done:
        """Take over changed settings; those that need a restart are named in the answer and stay as they are."""
        try:
            fresh = self._reread()
        except OwnerError as wrong:
            _log.warning("settings are left as they are: %s", wrong)
            return Done(problem=str(wrong))
        later = [name for name in names() if meaning(name).restart and _differ(name, fresh, self._settings)]
        before, self._settings = (
            self._settings,
            replace(fresh, **{name: getattr(self._settings, name) for name in later}),
        )
        self._runtime.adopt(self._settings)
        self._recorder.adopt(self._settings)
        self._limits.adopt(bounds(self._settings, self._runtime.machine))
        if any(_differ(name, before, self._settings) for name in OF_BOXES) and not self._leave.is_set():
            self._gate.renew_boxes()
            self._farm.look_again()
        self._sense_anew()
        note = f"counts after a restart of the agent: {', '.join(later)}" if later else ""
        _log.info("settings read again%s", f"; {note}" if note else "")
        return Done(note=note)

    async def run(self) -> None:
        """Sense, lend and reclaim until `leave` is called; on return nothing of the farm is left."""
        if ended := await self._leftovers.clear():
            _log.warning("boxes that an earlier life of this agent had left, and that are ended now: %d", ended)
        await self._limits.establish()
        await self._server.open(self._socket)
        self._effects.recall(await self._journal.reclaim_ms(RECALLED))
        watching = [
            background(self._recorder.run()),
            background(self._watch_sandbox()),
            background(self._watch_memory()),
        ]
        self._sense_anew()
        self._runtime.begin(self._effects)
        try:
            await self._leave.wait()
        finally:
            if not self._leave.is_set():
                self.leave(at_once=True)
            with contextlib.suppress(TimeoutError):
                await self._runtime.ended(LEAVE_WITHIN)
            for task in (*watching, *self._sensing):
                task.cancel()
            await asyncio.wait((*watching, *self._sensing), timeout=LEAVE_WITHIN)
            await self._limits.close()
            await self._farm.close()
            await self._server.close()
            await self._journal.close()
            await self._recorder.flush()

    def _make_farm(self) -> Farm:
        if not self._settings.registry:
            return NoFarm()
        name, memory = self._runtime.machine.name, self._memory
        epoch = memory.next_epoch(int(time.time()))
        return RegistryFarm(self._settings.registry, name, memory.key, epoch, self._heard, self._compilers)

    def _compilers(self) -> Mapping[str, str]:
        return fingerprints(others=self._settings.toolchains)

    async def _start_box(self) -> OwnBox:
        kind = self._sandbox.kind
        if kind is None:
            raise BoxGone("no sandbox has been tried yet")
        most = self._settings.slots or self._runtime.machine.cores
        cell = await self._limits.cell()  # first: what bounds a box depends on whether it got one
        plan = BoxPlan(most, self._settings.scratch, self._settings.toolchains, self._limits.process_mib(cell))
        box = await kind.start(plan, cell)
        background(self._see_out(box))
        return box

    async def _see_out(self, box: OwnBox) -> None:
        """Keep the box on record for the next life of this agent until it is gone."""
        recorded = self._leftovers.add(box.pids, box.traces)
        processes = [one for one in recorded if isinstance(one, Identity)]
        guarded = [] if box.traces else processes  # a box with a trace has a ward, which the guardian would kill
        self._limits.guard(guarded)
        await box.gone()
        self._limits.forget(guarded)
        self._leftovers.remove(recorded)

    def _sense_anew(self) -> None:
        """Sense by the present settings; what is known stays known until the new senses say otherwise."""
        if self._leave.is_set():
            return
        for task in self._sensing:
            task.cancel()
        self._sensing = [background(self._sense())]

    async def _sense(self) -> None:
        await sense(
            self._runtime.report,
            self._sense_changed,
            self._settings,
            farm_cpu_seconds=self._gate.cpu_seconds,
            farm_memory_mib=self._gate.memory_mib,
            ready_to_sleep=self._runtime.given_back,
        )

    async def _watch_sandbox(self) -> None:
        """Try the sandbox until it works."""
        while True:
            self._sandbox = found = await sandboxes.choose(self._settings.sandbox)
            self._runtime.report(Reading({"sandbox": found.problem}))
            if found.kind is not None:
                _log.info("sandbox: %s%s", found.name, f"; weaker: {found.weaker}" if found.weaker else "")
                self._changed()
                return
            await asyncio.sleep(SANDBOX_RETRY)

    async def _watch_memory(self) -> None:
        """Hold all boxes together to their memory where the kernel does not."""
        while True:
            await tick(MEMORY_PERIOD)
            if not self._limits.counted:
                self._gate.shed(self._limits.memory_mib)

    def _heard(self, told: float, granted: tuple[str, ...], now: float) -> None:
        self._gate.revise(self._gate.admission.hear(told, granted, now))

    def _answer(self, request: ToAgent) -> Answer | Awaitable[Answer]:
        answer = self._carry_out(request)
        self._publish()  # before the answer goes out: whoever has it has seen what the request led to
        return answer

    def _carry_out(self, request: ToAgent) -> Answer | Awaitable[Answer]:
        match request:
            case Choose():
                self._runtime.choose(_choice(request))
                if self._memory.trouble:  # the owner has said it now, also if it is what was taken for their choice
                    self._memory.keep_choice(self._runtime.seen.choice)
            case Block(user, on):
                return self._block(user, on)
            case AskHistory():
                return self._journal.history(request)
            case Reload():
                return self.reload()
            case Explain():
                self._runtime.think()
                return publish.explanation(self._runtime)
            case Quit():
                self.leave(at_once=True)
        return Done()

    def _block(self, user: str, on: bool) -> Done:
        """Keep somebody out from this moment on, or let them in again."""
        blocked = set(self._memory.blocked)
        try:
            name = known_as(user)
        except ValueError as wrong:
            return Done(str(wrong))
        if not on and name not in blocked:
            return Done(f"{name} is not blocked")
        blocked = blocked | {name} if on else blocked - {name}
        self._gate.revise(self._gate.admission.block(blocked))
        self._changed()
        try:
            self._memory.keep_blocked(blocked)
        except OSError as wrong:
            return Done(note=f"this holds until the agent ends: it cannot be written ({wrong.strerror})")
        return Done()

    def _job_changed(self) -> None:
        if self._runtime.lender.state is State.DRAINING and not self._gate.occupied:
            self._effects.look_for_drained()
        self._changed()

    def _sense_changed(self, sense: SenseView) -> None:
        self._senses[sense.question] = sense
        self._changed()

    def _snapshot(self) -> Snapshot:
        clocks = time.time() - time.monotonic(), slept()
        parts = (self._runtime, self._gate, self._effects, self._farm, self._limits.told)
        shown = publish.snapshot(*parts, self._senses, *clocks)
        trouble, sandbox = shown.trouble or self._memory.trouble, self._sandbox
        return msgspec.structs.replace(shown, trouble=trouble, sandbox=sandbox.name, sandbox_weaker=sandbox.weaker)

    def _changed(self) -> None:
        """Tell the recorder, and the faces once for all that changes in one turn of the loop."""
        runtime = self._runtime
        lent = runtime.lender.state is State.LENT
        self._recorder.note(runtime.seen, runtime.decision.rule, lent, time.monotonic(), time.time(), slept())
        if not self._dirty:
            self._dirty = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        self._dirty = False
        fresh = self._snapshot()
        if fresh != self._shown:
            self._shown = fresh
            self._server.publish(fresh)
            self._log_state(fresh)

    def _log_state(self, shown: Snapshot) -> None:
        if shown.state == self._logged:
            return
        self._logged = shown.state
        _log.info("%s: %s", shown.state, shown.trouble or shown.reason)


def _choice(asked: Choose) -> Choice:
    """What the owner asked for; a span begins now."""
    back = Return.NOT_LEFT if asked.until_back else Return.NOT_AWAITED
    return Choice(Wish(asked.wish), asked.until, back, None if asked.span is None else since_boot() + asked.span)


def _differ(name: str, one: Settings, other: Settings) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def bounds(settings: Settings, machine: Machine) -> Bounds:
    """What all boxes together may hold."""
    most = settings.slots or machine.cores
    return Bounds(memory_for_jobs(settings, machine), PROCESSES + most * PROCESSES_PER_SLOT)


def gate_address(settings: Settings) -> tuple[str, int]:
    """Where the gate listens: as the owner says, else as closed as the farm allows."""
    if settings.gate:
        return split_address(settings.gate)
    return (EVERYWHERE if settings.registry and not is_this_machine(settings.registry) else "127.0.0.1"), 3632
