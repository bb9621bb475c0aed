"""The second choice on X11, on a real X server."""

from __future__ import annotations

import asyncio

import pytest
from fakes.listener import Listener, watching
from fakes.xserver import XServer

from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput

SOON = Settings(idle_after=1.0)


async def test_leaving_and_coming_back() -> None:
    with XServer() as server:
        sensor = MitScreenSaverInput(SOON, server.environ)
        assert sensor.unusable() is None
        server.touch()
        async with watching(sensor) as heard:
            await heard.until_seen(in_use=True, idle_since=None)
            await heard.until_seen(in_use=False)
            await asyncio.to_thread(server.touch, "key")
            await heard.until_seen(in_use=True, idle_since=None)


async def test_the_x_server_dies() -> None:
    with XServer() as server:
        heard = Listener()
        watch = asyncio.create_task(MitScreenSaverInput(SOON, server.environ).watch(heard.report))
        await heard.until(lambda: bool(heard.readings))
        server.kill()
        with pytest.raises(SenseLost, match="the X server has gone"):
            await asyncio.wait_for(watch, 30)


async def test_an_x_server_without_the_extension() -> None:
    with XServer(without=("MIT-SCREEN-SAVER",)) as server:
        sensor = MitScreenSaverInput(SOON, server.environ)
        assert sensor.unusable() == "the X server has no MIT-SCREEN-SAVER"
        with pytest.raises(SenseLost, match="no MIT-SCREEN-SAVER"):
            await sensor.watch(lambda _: None)
