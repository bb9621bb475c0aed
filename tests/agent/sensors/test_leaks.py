"""Starting and ending the senses again and again leaves nothing: no file, no thread, no process, no task."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
from pathlib import Path

from fakes.listener import Listener
from fakes.screensaver_bus import ScreenSaver, SessionBus
from fakes.waiting import comes_true
from fakes.xserver import XServer

from farmhand.settings import Settings
from farmhand_agent.sensors import candidates, sense

ROUNDS = 200
LONGEST = 0.03
"""Seconds: a cancel may fall into any moment of a start."""


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def children() -> list[str]:
    return [one for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()]


async def test_two_hundred_starts_leave_nothing() -> None:
    moments = random.Random(7)
    with SessionBus() as bus, XServer() as server:
        environ = {**server.environ, **bus.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address}
        settings = Settings(idle_after=1.0, exclusive=("quake",))
        async with ScreenSaver(bus, "org.gnome.ScreenSaver"):
            heard = Listener()
            files, processes = open_files(), children()
            tasks, threads = asyncio.all_tasks(), threading.enumerate()
            for _ in range(ROUNDS):
                senses = asyncio.create_task(sense(heard.report, heard.told, settings, environ))
                await asyncio.sleep(moments.uniform(0, LONGEST))
                senses.cancel()
                ended, _ = await asyncio.wait({senses}, timeout=5)
                assert ended, f"a cancel was swallowed: {asyncio.all_tasks()}"
            gc.collect()
            assert {view.source for view in heard.views} >= {
                "XSync IDLETIME",
                "processes",
                "/proc",
                "starts of build tools",
            }
            await comes_true(lambda: open_files() <= files)
            await comes_true(lambda: children() == processes)
            await comes_true(lambda: threading.enumerate() == threads)
            assert asyncio.all_tasks() == tasks


def test_a_sense_that_was_never_watched_holds_nothing() -> None:
    files = open_files()
    for question in candidates(Settings(), {}):
        for source in question.sources:
            source.unusable()
    assert open_files() == files
