"""The owner's hands on a real X server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from fakes.listener import Listener, watching
from fakes.xserver import Hands, XServer

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors import base
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.xsync import XSyncInput

HOURS = Settings(idle_after=7200.0)
SOON = Settings(idle_after=1.0)


@pytest.fixture
def server() -> Iterator[XServer]:
    with XServer() as started:
        yield started


@pytest.mark.parametrize("kind", ["mouse", "key", "click"])
async def test_leaving_and_coming_back(server: XServer, kind: str) -> None:
    server.touch(kind)
    async with watching(XSyncInput(SOON, server.environ)) as heard:
        await heard.until_seen(in_use=True, idle_since=None)
        for _ in range(2):
            await heard.until_seen(in_use=False)
            assert heard.seen.idle_since is not None
            assert 0.9 < time.monotonic() - heard.seen.idle_since < 20
            await asyncio.to_thread(server.touch, kind)
            await heard.until_seen(in_use=True, idle_since=None)


async def test_a_rest_is_reported_long_before_leaving(server: XServer) -> None:
    server.touch()
    async with watching(XSyncInput(HOURS, server.environ)) as heard:
        await heard.until(lambda: heard.seen.idle_since is not None)
        assert heard.seen.in_use is True
        await asyncio.to_thread(server.touch)
        await heard.until_seen(in_use=True, idle_since=None)


async def test_a_session_that_rested_before_the_agent_came(server: XServer) -> None:
    server.touch()
    await asyncio.sleep(1.1)  # the X server's clock is real
    began = time.monotonic()
    async with watching(XSyncInput(SOON, server.environ)) as heard:
        await heard.until_seen(in_use=False)
        assert heard.seen.idle_since is not None
        assert heard.seen.idle_since < began - 1, "what it rested before counts"


async def test_the_x_server_dies(server: XServer) -> None:
    async with asyncio.timeout(30):
        watch = asyncio.create_task(XSyncInput(HOURS, server.environ).watch(lambda _: server.kill()))
        with pytest.raises(SenseLost, match="the X server has gone"):
            await watch


async def test_an_x_server_that_hangs(server: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SILENCE", 0.3)
    heard = Listener()
    watch = asyncio.create_task(XSyncInput(SOON, server.environ).watch(heard.report))
    await heard.until_seen(in_use=False)  # answers came in several silences
    server.pause()
    with pytest.raises(SenseLost, match="the X server does not answer"):
        await asyncio.wait_for(watch, 30)
    server.resume()


async def test_nobody_there() -> None:
    sensor = XSyncInput(HOURS, {})
    assert sensor.unusable() == "DISPLAY is not set"
    with pytest.raises(SenseLost, match="DISPLAY is not set"):
        await sensor.watch(lambda _: None)


async def test_a_touch_in_the_moment_of_leaving_is_not_lost(server: XServer) -> None:
    """The hand comes back while the report of its absence is still on its way."""
    hands = Hands(server.display)
    loop = asyncio.get_running_loop()
    returns: asyncio.Queue[None] = asyncio.Queue()

    def report(reading: Reading) -> None:
        if reading.values["in_use"]:
            returns.put_nowait(None)
        else:
            hands.touch()

    watch = loop.create_task(XSyncInput(Settings(idle_after=0.1), server.environ).watch(report))
    async with asyncio.timeout(60):
        for _ in range(20):
            await returns.get()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    hands.close()


HOLDING = Settings(idle_after=1.0, on_return="hold")


async def test_a_nudge_of_the_desk_is_forgiven(server: XServer) -> None:
    async with watching(XSyncInput(HOLDING, server.environ)) as heard:
        await heard.until_seen(in_use=False)
        left_at = heard.seen.idle_since
        await asyncio.to_thread(server.touch)
        await heard.until(lambda: heard.seen.touched_once_at is not None)
        assert heard.seen.in_use is True
        await heard.until_seen(in_use=False, touched_once_at=None, idle_since=left_at)
        await asyncio.to_thread(server.touch)
        await heard.until(lambda: heard.seen.touched_once_at is not None)


async def test_a_second_touch_is_the_owner(server: XServer) -> None:
    async with watching(XSyncInput(HOLDING, server.environ)) as heard:
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(server.touch)
        await heard.until(lambda: heard.seen.touched_once_at is not None)
        await asyncio.sleep(1)  # a hand that comes back a moment later
        await asyncio.to_thread(server.touch, "key")
        await heard.until_seen(in_use=True, touched_once_at=None)
        await heard.until_seen(in_use=False)


async def test_a_hand_that_stays_on_the_mouse_is_the_owner_at_once(server: XServer) -> None:
    async with watching(XSyncInput(HOLDING, server.environ)) as heard:
        await heard.until_seen(in_use=False)
        began = time.monotonic()
        while heard.seen.touched_once_at is None or heard.seen.in_use is not True:
            await asyncio.to_thread(server.touch)
        while heard.seen.touched_once_at is not None:
            assert time.monotonic() - began < 20
            await asyncio.to_thread(server.touch)
        assert heard.seen.in_use is True
