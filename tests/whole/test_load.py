"""Real compiles of a farm beside real work of the owner's: only the latter is load."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from fakes.gate_place import LOOPBACK, Place
from fakes.raw_client import compile_raw
from fakes.waiting import comes_true

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Patience
from farmhand_agent.sensors.load import LoadSensor

CORES = os.cpu_count() or 1
FASTER = 5
"""How many times as often as usual the load is sampled here."""

BODY = "for (int i = 0; i < x; i++) { x ^= i * %d; if (x & 8) x += i / 3; else x -= i % 7; } return x;"
SOURCE = "".join(f"int f{n}(int x) {{ {BODY.replace('%d', str(n + 3))} }}\n" for n in range(300)).encode()


class Load:
    """The share of all cores that a load sense tells of; 1.0 before it knows."""

    def __init__(self, place: Place, farm_counts: bool) -> None:
        self.share = 1.0
        counted = (lambda: 0.0) if farm_counts else place.gate.cpu_seconds
        self._sensor = LoadSensor(Settings(), counted, pause=lambda seconds: asyncio.sleep(seconds / FASTER))

    async def watch(self) -> None:
        await self._sensor.watch(self._hear)

    def _hear(self, reading: Reading) -> None:
        self.share = reading.values.get("others_cpu", self.share)


@asynccontextmanager
async def compiling(place: Place) -> AsyncIterator[None]:
    """Keep as many compiles running as there are cores."""

    async def one_after_the_other() -> None:
        while True:
            assert (await compile_raw(place.address, ["gcc", "-O2", "-c", "a.i", "-o", "a.o"], SOURCE)).status == 0

    builds = [asyncio.create_task(one_after_the_other()) for _ in range(CORES)]
    try:
        yield
        assert not any(build.done() for build in builds), "no compile has failed"
    finally:
        for build in builds:
            build.cancel()
        await asyncio.gather(*builds, return_exceptions=True)


@contextmanager
def the_owner_at_work() -> Iterator[None]:
    """A program that keeps one core busy."""
    work = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        yield
    finally:
        work.kill()
        work.wait()


async def test_compiles_of_the_farm_are_no_load_and_the_owners_work_beside_them_is() -> None:
    place = Place(Admission.of("desk", bytes(32), LOOPBACK), Patience())
    await place.gate.open("127.0.0.1", 0, CORES)
    everything, others = Load(place, farm_counts=True), Load(place, farm_counts=False)
    watching = [asyncio.create_task(one.watch()) for one in (everything, others)]
    try:
        async with compiling(place):
            await comes_true(lambda: bool(place.gate.jobs))
            await comes_true(lambda: everything.share > 0.7 and others.share < everything.share - 0.25, within=100)
            quiet = others.share
            with the_owner_at_work():
                await comes_true(lambda: others.share > min(quiet + 0.4 / CORES, 0.75), within=100)
            await comes_true(lambda: others.share < quiet + 0.25 / CORES, within=100)
    finally:
        for one in watching:
            one.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await place.reclaim()
