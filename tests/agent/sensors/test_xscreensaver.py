"""A real xscreensaver on a real X server."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import procfs
from fakes.listener import Listener, watching
from fakes.resident import PASSWORD, Resident
from fakes.waiting import comes_true, until
from fakes.xscreensaver import XScreenSaverDaemon, command
from fakes.xserver import XServer

from farmhand.settings import Settings
from farmhand_agent.sensors import xscreensaver
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.xscreensaver import XScreenSaver
from farmhand_agent.sensors.xsync import XSyncInput

NEEDED = ("xscreensaver", "xscreensaver-command", "xdotool", "Xvfb")
pytestmark = pytest.mark.skipif(any(shutil.which(one) is None for one in NEEDED), reason=f"needs {', '.join(NEEDED)}")


@pytest.fixture
def bare() -> Iterator[XServer]:
    with XServer() as server:
        yield server


@pytest.fixture
def quiet(bare: XServer, tmp_path: Path) -> XServer:
    bare.home = str(tmp_path)
    (tmp_path / ".xscreensaver").write_text("mode: blank\nfade: False\nunfade: False\nlock: False\nsplash: False\n")
    return bare


@pytest.fixture
def daemon(quiet: XServer) -> Iterator[XScreenSaverDaemon]:
    with XScreenSaverDaemon(quiet) as started:
        yield started


@pytest.fixture
def server(quiet: XServer, daemon: XScreenSaverDaemon) -> XServer:
    return quiet


async def test_blanking_and_coming_back(server: XServer) -> None:
    async with watching(XScreenSaver(server.environ)) as heard:
        await heard.until_seen(screensaver=False, screensaver_since=None)
        before = time.monotonic()
        await asyncio.to_thread(command, server, "-activate")
        await heard.until_seen(screensaver=True)
        assert heard.seen.screensaver_since is not None
        assert before <= heard.seen.screensaver_since <= time.monotonic()
        await asyncio.to_thread(command, server, "-deactivate")
        await heard.until_seen(screensaver=False, screensaver_since=None)


async def test_a_screen_that_was_blank_before_the_agent_came(server: XServer) -> None:
    await asyncio.to_thread(command, server, "-activate")
    async with watching(XScreenSaver(server.environ)) as first:
        await first.until_seen(screensaver=True)
    async with watching(XScreenSaver(server.environ)) as second:
        await second.until_seen(screensaver=True, screensaver_since=None)


@pytest.mark.skipif(Resident.why_not() is not None, reason=Resident.why_not() or "")
async def test_a_locked_screen_the_first_touch_and_the_password(bare: XServer) -> None:
    """The touch is the owner's return; the screensaver says so only after the password."""
    with Resident() as anna:
        anna.write(".xscreensaver", "mode: blank\nfade: False\nunfade: False\nlock: True\nsplash: False\n")
        anna.start("xscreensaver", "--no-splash", DISPLAY=bare.display)
        await asyncio.to_thread(until, lambda: command(bare, "-time"))
        async with (
            watching(XScreenSaver(bare.environ)) as screen,
            watching(XSyncInput(Settings(idle_after=1.0), bare.environ)) as hands,
        ):
            await screen.until_seen(screensaver=False)
            windows = bare.windows()
            anna.start("xscreensaver-command", "-lock", DISPLAY=bare.display)
            await screen.until_seen(screensaver=True)
            await comes_true(lambda: bare.windows() > windows)  # it is dark
            await hands.until_seen(in_use=False)

            dark = bare.windows()
            await asyncio.to_thread(bare.touch)
            await hands.until_seen(in_use=True)
            await comes_true(lambda: touched(bare) and bare.windows() > dark)  # it asks for the password
            assert screen.seen.screensaver is True

            await asyncio.to_thread(bare.type, PASSWORD)
            await screen.until_seen(screensaver=False)


def touched(server: XServer) -> bool:
    """Touch again: xscreensaver ignores hands in the moment of going dark."""
    server.touch()
    return True


async def test_a_daemon_that_crashes_while_it_shows(
    server: XServer, daemon: XScreenSaverDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xscreensaver, "STILL_THERE", 0.2)
    heard = Listener()
    watch = asyncio.create_task(XScreenSaver(server.environ).watch(heard.report))
    await heard.until_seen(screensaver=False)
    await asyncio.to_thread(command, server, "-activate")
    await heard.until_seen(screensaver=True)
    daemon.kill()
    with pytest.raises(SenseLost, match="does not run on this display"):
        await asyncio.wait_for(watch, 30)


async def test_a_daemon_that_is_started_again_is_heard(server: XServer, daemon: XScreenSaverDaemon) -> None:
    async with watching(XScreenSaver(server.environ)) as heard:
        await heard.until_seen(screensaver=False)
        daemon.kill()
        await asyncio.to_thread(daemon.start)
        await asyncio.to_thread(command, server, "-activate")
        await heard.until_seen(screensaver=True)


async def test_no_daemon(bare: XServer) -> None:
    sensor = XScreenSaver(bare.environ)
    assert sensor.unusable() is None
    with pytest.raises(SenseLost, match="does not run on this display"):
        await sensor.watch(lambda _: None)


async def test_the_x_server_dies(server: XServer) -> None:
    heard = Listener()
    watch = asyncio.create_task(XScreenSaver(server.environ).watch(heard.report))
    await heard.until_seen(screensaver=False)
    server.kill()
    with pytest.raises(SenseLost, match="-watch has ended"):
        await asyncio.wait_for(watch, 30)


def test_where_it_cannot_work(bare: XServer) -> None:
    assert XScreenSaver({"PATH": "/nowhere"}).unusable() == "xscreensaver-command is not installed"
    bare.kill()
    assert XScreenSaver({"PATH": bare.environ["PATH"]}).unusable() == "DISPLAY is not set"


async def test_nothing_is_left_behind(server: XServer) -> None:
    async with watching(XScreenSaver(server.environ)) as heard:
        await heard.until_seen(screensaver=False)
        assert children() == ["xscreensaver-co"]
    await comes_true(lambda: children() == [])


def children() -> list[str]:
    """Names of this process's children that belong to the sense."""
    return [name for name in map(procfs.name, procfs.children()) if name.startswith("xscreensaver-co")]
