"""Starting and ending the senses again and again leaves nothing: no file, no thread, no process, no task."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable

from fakes.listener import Listener
from fakes.procfs import children, descriptors
from fakes.screensaver_bus import ScreenSaver, SessionBus
from fakes.waiting import comes_true
from fakes.xserver import XServer

from farmhand.settings import Settings
from farmhand_agent.sensors import candidates, sense

ROUNDS = 200
LONGEST = 0.03
"""Seconds: a cancel may fall into any moment of a start."""

EXPECTED = {"XSync IDLETIME + other displays + terminals", "processes", "/proc", "starts of build tools"}


async def test_two_hundred_starts_leave_nothing() -> None:
    moments = random.Random(7)
    with SessionBus() as bus, XServer() as server:
        environ = {**server.environ, **bus.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address}
        settings = Settings(idle_after=1.0, exclusive=("quake",))
        async with ScreenSaver(bus, "org.gnome.ScreenSaver"):
            heard = Listener()

            async def start(moment: Callable[[], Awaitable[None]]) -> float:
                """Start all senses and cancel them at some moment; return after how many seconds that was."""
                began = time.monotonic()
                senses = asyncio.create_task(sense(heard.report, heard.told, settings, environ))
                await moment()
                lasted = time.monotonic() - began
                senses.cancel()
                ended, _ = await asyncio.wait({senses}, timeout=30)
                assert ended, f"a cancel was swallowed: {asyncio.all_tasks()}"
                return lasted

            files, processes = descriptors(), children()
            tasks, threads = asyncio.all_tasks(), threading.enumerate()
            longest = await start(lambda: heard.until(lambda: {view.source for view in heard.views} >= EXPECTED))
            for _ in range(ROUNDS):
                await start(lambda: asyncio.sleep(moments.uniform(0, min(longest, LONGEST))))
            await comes_true(lambda: descriptors() <= files)
            await comes_true(lambda: children() == processes)
            await comes_true(lambda: threading.enumerate() == threads)
            assert asyncio.all_tasks() == tasks


def test_a_sense_that_was_never_watched_holds_nothing() -> None:
    files = descriptors()
    for question in candidates(Settings(), {}):
        for source in (*question.sources, *question.beside):
            source.unusable()
    assert descriptors() == files
