"""The last resort on a real X server: a child that hears the first touch and ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes import procfs
from fakes.listener import Listener, watching
from fakes.listening import listening
from fakes.waiting import comes_true, until
from fakes.xserver import XServer

from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.pynput_child import MODULE, PynputInput

SOON = Settings(idle_after=1.0)


@pytest.fixture
def server() -> Iterator[XServer]:
    with XServer(without=("SYNC", "MIT-SCREEN-SAVER")) as started:
        yield started


def children() -> list[int]:
    """Processes of ours that listen."""
    return [one for one in procfs.children() if MODULE in procfs.command_line(one)]


@pytest.mark.parametrize("kind", ["mouse", "key", "click"])
async def test_leaving_and_coming_back(server: XServer, kind: str) -> None:
    sensor = PynputInput(SOON, server.environ)
    assert sensor.unusable() is None
    async with watching(sensor) as heard:
        await heard.until_seen(in_use=True, idle_since=None)
        await heard.until_seen(in_use=False)
        assert heard.seen.idle_since is not None
        assert 0.9 < time.monotonic() - heard.seen.idle_since < 20
        await asyncio.to_thread(server.touch, kind)
        await heard.until_seen(in_use=True, idle_since=None)
        await heard.until_seen(in_use=False)
    await comes_true(lambda: children() == [])


async def test_a_rest_is_reported_long_before_leaving(server: XServer) -> None:
    async with watching(PynputInput(Settings(idle_after=7200.0), server.environ)) as heard:
        await heard.until(lambda: heard.seen.idle_since is not None)
        assert heard.seen.in_use is True


async def test_the_child_dies(server: XServer) -> None:
    heard = Listener()
    watch = asyncio.create_task(PynputInput(SOON, server.environ).watch(heard.report))
    await heard.until_seen(in_use=False)
    os.kill(children()[0], 9)
    with pytest.raises(SenseLost, match="pynput has ended"):
        await asyncio.wait_for(watch, 30)


async def test_the_x_server_dies(server: XServer) -> None:
    heard = Listener()
    watch = asyncio.create_task(PynputInput(SOON, server.environ).watch(heard.report))
    await heard.until_seen(in_use=False)
    server.kill()
    with pytest.raises(SenseLost, match="is the X server gone"):
        await asyncio.wait_for(watch, 30)
    await comes_true(lambda: children() == [])


async def test_an_x_server_that_cannot_record() -> None:
    with XServer(without=("RECORD",)) as server, pytest.raises(SenseLost, match="pynput cannot listen here"):
        await PynputInput(SOON, server.environ).watch(lambda _: None)


async def test_never_under_wayland(server: XServer, tmp_path: Path) -> None:
    with closing(listening(tmp_path / "wayland-0")):
        sensor = PynputInput(SOON, {**server.environ, "WAYLAND_DISPLAY": str(tmp_path / "wayland-0")})
        assert "this is a Wayland session" in (sensor.unusable() or "")
        with pytest.raises(SenseLost):
            await sensor.watch(lambda _: None)


async def test_a_display_that_is_not_named(server: XServer) -> None:
    async with watching(PynputInput(SOON, {"PATH": server.environ["PATH"], "HOME": server.home})) as heard:
        await heard.until_seen(in_use=False)


def test_what_the_child_says_is_one_byte_and_no_key(server: XServer) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=server.environ
    )
    assert child.stdout
    assert child.stdin
    assert child.stdout.read(1) == b"r"
    server.touch("key")
    assert child.stdout.read() == b"i"
    assert child.wait(30) == 0
    child.stdin.close()
    child.stdout.close()


def test_the_child_does_not_outlive_the_agent(server: XServer) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=server.environ
    )
    assert child.stdout
    assert child.stdin
    assert child.stdout.read(1) == b"r"
    child.stdin.close()
    until(lambda: child.poll() is not None)
    child.stdout.close()
