"""Metered networks, as a NetworkManager on a private bus tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fakes.listener import Listener
from fakes.mock_service import WHY_NOT, MockService, system_environ
from fakes.screensaver_bus import SessionBus

from farmhand_agent.sensors import network
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.network import NetworkManager


@pytest.fixture
def bus() -> Iterator[SessionBus]:
    with SessionBus() as started:
        yield started


@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
async def test_every_answer(bus: SessionBus) -> None:
    with MockService(bus, network.SERVICE, "/org/freedesktop/NetworkManager", network.SERVICE) as manager:
        manager.has("u", Metered=0)
        heard = Listener()
        watch = asyncio.create_task(NetworkManager(system_environ(bus)).watch(heard.report))
        await heard.until(lambda: heard.readings == [{"metered": None}])
        for says, means in ((1, True), (2, False), (3, True), (4, False), (0, None)):
            manager.change("u", Metered=says)
            await heard.until(lambda means=means: heard.readings[-1] == {"metered": means})
    with pytest.raises(SenseLost, match="NetworkManager has gone"):
        await asyncio.wait_for(watch, 5)


async def test_no_network_manager(bus: SessionBus) -> None:
    assert NetworkManager(system_environ(bus)).unusable() is None
    with pytest.raises(SenseLost, match="NetworkManager"):
        await NetworkManager(system_environ(bus)).watch(lambda _: None)
