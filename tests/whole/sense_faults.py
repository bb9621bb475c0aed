"""Real parts of a desktop that die and return under the senses: `python -m tests.whole.sense_faults [--rounds N]`.

Without rounds it prints how soon each loss is noticed, and how soon what has returned is heard again: at once after a
loss, and after an absence in which the pauses between two looks have grown. With rounds it starts and ends all senses
so many times while some part dies, and compares threads, processes, open files and memory with those before.

The owner is there all the time and leaves only after hours; a sense that says otherwise has made a mistake.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.compositors import Compositor, KWin, Mutter, Sway
from fakes.listener import Listener
from fakes.mock_service import MockService, system_environ
from fakes.screensaver_bus import SessionBus
from fakes.xscreensaver import XScreenSaverDaemon
from fakes.xserver import XServer
from rich.console import Console
from rich.table import Table

from farmhand.settings import Settings
from farmhand_agent.sensors import logind, sense

HOURS = Settings(idle_after=7200.0)
ABSENCE = 20.0
"""Seconds of an absence after which all pauses have grown as far as they do."""

WITHIN = 5.0
"""Seconds in which what has returned must be heard again."""

FIRST_DISPLAY = 7000
"""Displays from here on are nobody else's, who might take one while its server is dead."""

BESIDE = ("other displays", "terminals")
"""Sources of input that go on when a desktop has died; they alone never tell that its owner is away."""

WARM_UP = 20
"""Rounds before the first count: caches fill, and Python's allocator finds its size."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a desktop.

    Attributes:
        name: as the table has it.
        question: which it helps to answer; "" where its loss is not noticed.
        field: of the answer.
        die: ends it at once, as a crash would.
        come_back: starts it again and returns when it can be asked.
    """

    name: str
    question: str
    field: str
    die: Callable[[], None]
    come_back: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a session sees, and the parts of it that may die."""

    environ: dict[str, str]
    parts: tuple[Part, ...]


@contextmanager
def x11() -> Iterator[Desk]:
    """A desk with an X server, xscreensaver, a message bus for session and system, and logind."""
    with ExitStack() as parts:
        server = parts.enter_context(XServer(FIRST_DISPLAY + os.getpid() % 1000))
        bus = parts.enter_context(SessionBus())
        manager = MockService(bus, logind.SERVICE, logind.MANAGER_PATH, logind.MANAGER_INTERFACE, "logind")
        saver = XScreenSaverDaemon(server)

        def all_of_x() -> None:
            server.start()
            saver.start()

        def x_and_saver_die() -> None:
            server.kill()
            saver.kill()

        def bus_and_logind_die() -> None:
            bus.kill()
            manager.kill()

        def bus_and_logind() -> None:
            bus.start()
            manager.start()

        manager.start()
        saver.start()
        parts.callback(manager.kill)
        parts.callback(saver.kill)
        yield Desk(
            {**server.environ, **system_environ(bus)},
            (
                Part("X server killed", "input", "in_use", x_and_saver_die, all_of_x),
                Part("xscreensaver killed", "", "", saver.kill, saver.start),
                Part("message bus killed", "sleep", "sleeping", bus_and_logind_die, bus_and_logind),
                Part("logind killed", "sleep", "sleeping", manager.kill, manager.start),
            ),
        )


@contextmanager
def wayland(kind: type[Compositor]) -> Iterator[Desk]:
    """A desk with a compositor."""
    with kind() as compositor:
        environ = {"PATH": os.environ["PATH"], **compositor.environ}
        yield Desk(environ, (Part(f"{kind.__name__} killed", "input", "in_use", compositor.kill, compositor.start),))


@asynccontextmanager
async def sensing(desk: Desk) -> AsyncIterator[Listener]:
    """All senses at a desk, for the length of a block; from when every part is heard."""
    heard = Listener()
    task = asyncio.create_task(sense(heard.report, heard.told, HOURS, desk.environ))
    try:
        await heard.until(lambda: all(is_heard(part, heard.readings) for part in desk.parts))
        yield heard
    finally:
        task.cancel()
        ended, _ = await asyncio.wait({task}, timeout=30)
        assert ended, f"a cancel was swallowed: {asyncio.all_tasks()}"
        assert not any(one.get("in_use") is False for one in heard.readings), "the owner was called absent"


def is_heard(part: Part, readings: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether one of the readings is owed to `part`."""
    return not part.question or any(reading.get(part.field) is not None for reading in readings)


def desktop_source(part: Part, heard: Listener) -> str:
    """Which source of a desktop answers what `part` helps to answer; "" for none."""
    sources = {view.question: view.source for view in heard.views}
    first = sources.get(part.question, "").partition(" + ")[0]
    return "" if first in BESIDE else first


async def endure(part: Part, heard: Listener, absence: float = 0.0) -> tuple[float, float]:
    """Let a part die and return; return the seconds until each was noticed."""
    before, had = time.monotonic(), desktop_source(part, heard)
    await asyncio.to_thread(part.die)
    await heard.until(lambda: not part.question or desktop_source(part, heard) != had)
    noticed = time.monotonic()
    is_known = part.question != "input" or desktop_source(
        part, heard
    )  # KWin runs on an X server, which may be asked then
    assert is_known or heard.seen.in_use is None, "nobody is believed to be away without a source"
    until_now = len(heard.readings)
    await asyncio.sleep(absence)
    await asyncio.to_thread(part.come_back)
    returned = time.monotonic()
    await heard.until(lambda: is_heard(part, heard.readings[until_now:]), within=60)
    return noticed - before, time.monotonic() - returned


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds: names of threads and of children, open files, and MiB of memory."""

    threads: tuple[str, ...]
    children: tuple[str, ...]
    files: int
    memory: float

    @classmethod
    def now(cls) -> Held:
        """Count."""
        gc.collect()
        own = psutil.Process()
        return cls(
            tuple(sorted(one.name for one in threading.enumerate())),
            tuple(sorted(one.name() for one in own.children())),
            len(list(Path("/proc/self/fd").iterdir())),
            own.memory_info().rss / 2**20,
        )

    def grown(self, since: Held) -> str:
        """Return what is more than it was, "" for nothing; memory may grow by 4 MiB."""
        return ", ".join(
            f"{name}: {now} instead of {then}"
            for name, now, then in (
                ("threads", self.threads, since.threads),
                ("processes", self.children, since.children),
                ("files", self.files, since.files),
            )
            if now != then
        ) + (f"; memory: {self.memory:.1f} MiB instead of {since.memory:.1f}" * (self.memory > since.memory + 4))


async def again_and_again(desk: Desk, rounds: int, warm_up: int = WARM_UP) -> tuple[Held, Held]:
    """Start and end all senses while parts die; return what was held after the warm-up, and at the end."""
    dice = random.Random(7)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))  # what kills parts is no sense's thread
    base = Held.now()
    for number in range(warm_up + rounds):
        if number == warm_up:
            base = Held.now()
        part = dice.choice(desk.parts)
        async with sensing(desk) as heard:
            if dice.random() < 0.5:
                await endure(part, heard)
                continue
            await asyncio.to_thread(part.die)
            await asyncio.sleep(dice.uniform(0, 0.05))  # the end may come before the loss is understood
        await asyncio.to_thread(part.come_back)
    after = Held.now()
    for _ in range(100):  # who was told to end may take a moment
        if not after.grown(base):
            break
        await asyncio.sleep(0.05)
        after = Held.now()
    return base, after


async def table() -> Table:
    """Measure every loss."""
    made = Table("what", "noticed after s", "heard again s after return", f"after {ABSENCE:.0f} s of absence s")
    desks = [x11(), *(wayland(kind) for kind in (KWin, Sway, Mutter) if not kind.why_not())]
    for each in desks:
        with each as desk:
            for part in filter(lambda one: one.question, desk.parts):
                async with sensing(desk) as heard:
                    noticed, back = await endure(part, heard)
                    _, back_late = await endure(part, heard, ABSENCE)
                    made.add_row(part.name, f"{noticed:.3f}", f"{back:.1f}", f"{back_late:.1f}")
    return made


def main() -> None:
    """Print the table, or what many rounds have left."""
    parser = argparse.ArgumentParser(description="Parts of a desktop that die and return under the senses.")
    parser.add_argument("--rounds", type=int, default=0, help="start and end all senses so many times")
    rounds = parser.parse_args().rounds
    if not rounds:
        Console().print(asyncio.run(table()))
        return
    with x11() as desk:
        base, after = asyncio.run(again_and_again(desk, rounds))
    print(
        f"{rounds} rounds: {len(after.threads)} threads, {len(after.children)} children, {after.files} files; ", end=""
    )
    print(f"memory {base.memory:.1f} MiB, then {after.memory:.1f} MiB; grown: {after.grown(base) or 'nothing'}")
    raise SystemExit(bool(after.grown(base)))


if __name__ == "__main__":
    main()
