"""A machine without a desktop, built from files."""

from __future__ import annotations

import os
import pty
import time
from pathlib import Path

import pytest
from fakes.listener import watching
from fakes.waiting import comes_true

from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.terminals import TerminalInput

WALL = 1_800_000_000.0
SETTINGS = Settings(idle_after=300.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("dev/pts", "run/systemd/sessions", "tmp"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def terminal(root: Path, name: str, idle: float) -> None:
    path = root / "dev" / name
    path.touch()
    os.utime(path, (WALL - idle, WALL - idle))


def session(root: Path, name: str = "3", **values: str) -> None:
    text = "\n".join(f"{key}={value}" for key, value in {"STATE": "active", **values}.items())
    (root / "run/systemd/sessions" / name).write_text(f"# private\n{text}\n")


def headless(root: Path, environ: dict[str, str] | None = None) -> TerminalInput:
    return TerminalInput(SETTINGS, environ or {}, root, lambda: WALL, period=0.01)


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
    async with watching(TerminalInput(SETTINGS, {}, root, wall, period=0.01)) as heard:
        await heard.until_seen(in_use=idle < 300)
        wall.now += jump
        looks = wall.looks
        await comes_true(lambda: wall.looks > looks + 5)
        assert len(heard.readings) == 1, "nobody typed, and no time has passed"
        os.utime(root / "dev/tty1", (wall.now, wall.now))
        await heard.until_seen(in_use=True, idle_since=None)


@pytest.mark.parametrize(
    "environ", [{"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}, {"XDG_SESSION_TYPE": "wayland"}]
)
def test_inside_a_desktop_terminals_say_nothing(root: Path, environ: dict[str, str]) -> None:
    assert headless(root, environ).unusable() == "this is a graphical session"


@pytest.mark.parametrize("kind", ["x11", "wayland"])
async def test_somebody_elses_desktop_cannot_be_watched(root: Path, kind: str) -> None:
    session(root, TYPE=kind, CLASS="user")
    sensor = headless(root)
    assert "somebody has a graphical session" in (sensor.unusable() or "")
    with pytest.raises(SenseLost, match="somebody has a graphical session"):
        await sensor.watch(lambda _: None)


def test_what_is_nobodys_desktop(root: Path) -> None:
    session(root, "1", TYPE="tty", CLASS="user")
    session(root, "c1", TYPE="wayland", CLASS="greeter")
    session(root, "2", TYPE="x11", CLASS="user", STATE="closing")
    session(root, "4.ref", TYPE="x11", CLASS="user")
    (root / "run/systemd/sessions/9").symlink_to("gone")
    assert headless(root).unusable() is None


async def test_somebody_logs_in_at_the_screen(root: Path) -> None:
    def log_in(_: object) -> None:
        session(root, TYPE="x11", CLASS="user")

    with pytest.raises(SenseLost, match="somebody has a graphical session"):
        await headless(root).watch(log_in)


def test_without_logind_any_x_server_forbids_it(root: Path) -> None:
    (root / "run/systemd/sessions").rmdir()
    sensor = headless(root)
    assert sensor.unusable() is None
    (root / "tmp/.X11-unix").mkdir()
    (root / "tmp/.X11-unix/X0").touch()
    assert "an X server runs here (X0)" in (sensor.unusable() or "")


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
