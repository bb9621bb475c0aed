"""A real gate with real boxes on a port of its own, and clients for it."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fakes.procfs import command_line
from fakes.raw_client import RawClient, compile_raw
from fakes.waiting import comes_true

from farmhand.distcc.protocol import request
from farmhand.machine import join_address
from farmhand.wire.ticket import Claims, preface, sign
from farmhand_agent.boxes.box import Box, BoxPlan
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.limits import priority
from farmhand_agent.traces import processes

KEY = bytes(range(32))
LOOPBACK = ("127.0.0.0/8", "::1/128")
SOURCE = b"int answer(void) { return 42; }\n"
PLAIN = request(["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)
SLOW = request(["gcc", "-wrapper", "/bin/sh,-c,sleep 600", "-c", "a.i", "-o", "a.o"], SOURCE)
BUSY = request(["gcc", "-wrapper", "/bin/sh,-c,while :; do :; done", "-c", "a.i", "-o", "a.o"], SOURCE)
DEAF = request(
    ["gcc", "-wrapper", "/bin/sh,-c,trap : TERM; while :; do sleep 1; done", "-c", "a.i", "-o", "a.o"], SOURCE
)
QUICK = Patience(header=5.0, stall=10.0, queue=2.0, lifetime=600.0)


async def start_box() -> Box:
    """A box whose jobs have their part also of a busy machine, which a lender's would not have."""
    box = await Box.start(BoxPlan(slots=8, scratch_mib=256))
    priority.hasten(box.init)
    return box


class Place:
    """A gate on a port of its own, and what it told."""

    def __init__(self, admission: Admission, patience: Patience) -> None:
        self.boxes: list[Box] = []
        self.changes = 0
        self.gate = Gate(self._start_box, admission, patience, self._changed)

    @property
    def address(self) -> tuple[str, int]:
        assert self.gate.address is not None
        return self.gate.address

    def inside(self) -> set[int]:
        """All processes in its boxes."""
        return {pid for box in self.boxes if box.alive for pid in processes.tree(box.init)}

    def running(self, *words: str) -> set[int]:
        """Processes in its boxes whose command line holds one of these words."""
        return {pid for pid in self.inside() if any(word in command_line(pid) for word in words)}

    async def reclaim(self) -> None:
        self.gate.shut()
        async with asyncio.timeout(30):
            await self.gate.gone()

    async def _start_box(self) -> Box:
        self.boxes.append(await start_box())
        return self.boxes[-1]

    def _changed(self) -> None:
        self.changes += 1


Open = Callable[..., Awaitable[Place]]


def ticket(user: str = "ann", host: str = "desk", slots: int = 2, ends: float = 1000.0, key: bytes = KEY) -> str:
    claims = Claims(host=host, grant="g1", user=user, project="redis", origin="laptop", slots=slots, ends=ends)
    return sign(claims, key)


def farm_admission() -> Admission:
    """Knows the registry's clock and lets nobody in without a ticket."""
    return Admission.of("desk", KEY, ()).hear(900.0, (), time.monotonic())


async def begin(place: Place, what: bytes = SLOW, ticket: str = "") -> RawClient:
    """Send a request and wait until its job runs."""
    jobs = len(place.gate.jobs)
    client = await RawClient.open(place.address)
    await client.say((preface(ticket) if ticket else b"") + what)
    await comes_true(lambda: len(place.gate.jobs) > jobs)
    return client


async def distcc(place: Place, folder: Path, *command: str, options: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run stock distcc against the gate, with no way out: what the gate does not do fails."""
    host, port = place.address
    spec = join_address(host, port)
    state = folder / ".distcc"
    state.mkdir(exist_ok=True)
    environ = {
        "PATH": "/usr/bin:/bin",
        "DISTCC_HOSTS": spec + options,
        "DISTCC_FALLBACK": "0",
        "DISTCC_DIR": str(state),
        "TMPDIR": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


async def honest(place: Place) -> None:
    assert (await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)).status == 0
