"""Terminals, built from files, and real ones."""

from __future__ import annotations

import asyncio
import os
import pty
import time
from contextlib import closing
from pathlib import Path

import pytest
from fakes.listener import watching
from fakes.typist import Typist
from fakes.waiting import comes_true

from farmhand.settings import Settings
from farmhand_agent.sensors.terminals import TerminalInput

WALL = 1_800_000_000.0
SETTINGS = Settings(idle_after=300.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dev/pts").mkdir(parents=True)
    return tmp_path


def terminal(root: Path, name: str, idle: float) -> None:
    path = root / "dev" / name
    path.touch()
    os.utime(path, (WALL - idle, WALL - idle))


def headless(root: Path) -> TerminalInput:
    return TerminalInput(SETTINGS, root, lambda: WALL, period=0.01)


@pytest.mark.parametrize(("idle", "in_use"), [(0.0, True), (100.0, True), (300.0, False), (9e6, False), (-5.0, True)])
async def test_the_latest_terminal_counts(root: Path, idle: float, in_use: bool) -> None:
    terminal(root, "tty1", 1e7)
    terminal(root, "pts/0", idle)
    terminal(root, "pts/ptmx", 0)
    terminal(root, "tty", 0)
    async with watching(headless(root)) as heard:
        await heard.until_seen(in_use=in_use)
        terminal(root, "pts/1", 0)
        await heard.until_seen(in_use=True, idle_since=None)


async def test_no_terminal_is_nobody(root: Path) -> None:
    async with watching(headless(root)) as heard:
        await heard.until_seen(in_use=False)


class Wall:
    """A wall clock that stands, and counts who looks at it."""

    def __init__(self) -> None:
        self.now = WALL
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now


@pytest.mark.parametrize("jump", [86400.0, -86400.0])
@pytest.mark.parametrize("idle", [100.0, 1000.0])
async def test_the_clock_jumps_by_a_day(root: Path, jump: float, idle: float) -> None:
    terminal(root, "tty1", idle)
    wall = Wall()
    async with watching(TerminalInput(SETTINGS, root, wall, period=0.01)) as heard:
        await heard.until_seen(in_use=idle < 300)
        wall.now += jump
        looks = wall.looks
        await comes_true(lambda: wall.looks > looks + 5)
        assert len(heard.readings) == 1, "nobody typed, and no time has passed"
        os.utime(root / "dev/tty1", (wall.now, wall.now))
        await heard.until_seen(in_use=True, idle_since=None)


async def test_of_the_consoles_the_one_with_the_keyboard_counts(root: Path) -> None:
    active = root / "sys/class/tty/tty0/active"
    active.parent.mkdir(parents=True)
    active.write_text("tty1\n")
    terminal(root, "tty1", 1000)
    terminal(root, "tty2", 0)
    async with watching(headless(root)) as heard:
        await heard.until_seen(in_use=False)
        active.write_text("tty2\n")
        await heard.until_seen(in_use=True)


@pytest.mark.parametrize(("mode", "in_use"), [(0o620, True), (0o660, False)])
async def test_a_serial_line_counts_where_somebody_is_logged_in(root: Path, mode: int, in_use: bool) -> None:
    """udev gives devices to a group; getty and login take their terminal from it."""
    terminal(root, "ttyS0", 0)
    (root / "dev/ttyS0").chmod(mode)
    async with watching(headless(root)) as heard:
        await heard.until_seen(in_use=in_use)


async def test_a_terminal_that_is_closed_meanwhile(root: Path) -> None:
    terminal(root, "tty1", 100)
    (root / "dev/pts/5").symlink_to("gone")
    async with watching(headless(root)) as heard:
        await heard.until(lambda: heard.seen.idle_since is not None)


def test_the_kernel_moves_access_times_when_somebody_types() -> None:
    """The ground that this sense stands on: a real terminal, read from."""
    master, slave = pty.openpty()
    try:
        os.write(master, b"make\n")
        os.read(slave, 10)
        assert time.time() - os.fstat(slave).st_atime < 60
    finally:
        os.close(master)
        os.close(slave)


# --- real terminals -----------------------------------------------------------
SOON = Settings(idle_after=1.0)


async def test_a_line_is_heard_at_once_however_rarely_anybody_looks() -> None:
    with closing(Typist()) as typist:
        async with watching(TerminalInput(SOON, period=3600.0)) as heard:
            for _ in range(2):
                await heard.until_seen(in_use=False)
                typist.type()
                await heard.until_seen(in_use=True, idle_since=None)


async def test_typing_goes_on_for_longer_than_the_kernel_rounds() -> None:
    with closing(Typist()) as typist:
        async with watching(TerminalInput(Settings(idle_after=3.0))) as heard:
            typist.type()
            await heard.until_seen(in_use=True)
            heard.readings.clear()
            ends = time.monotonic() + 12
            while time.monotonic() < ends:
                typist.type()
                await asyncio.sleep(0.2)
            assert not any(one["in_use"] is False for one in heard.readings)
            await heard.until_seen(in_use=False)


async def test_somebody_logs_in_while_it_listens() -> None:
    async with watching(TerminalInput(SOON, period=3600.0)) as heard:
        await heard.until_seen(in_use=False)
        with closing(Typist()) as typist:
            await heard.until_seen(in_use=True)
            await heard.until_seen(in_use=False)
            typist.type()
            await heard.until_seen(in_use=True)
