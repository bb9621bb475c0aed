"""Metered networks and VPNs, as a NetworkManager on a private bus tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fakes.listener import Listener, watching
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
        await heard.until(lambda: heard.readings == [{"metered": None, "vpn": None}])
        for says, means in ((1, True), (2, False), (3, True), (4, False), (0, None)):
            manager.change("u", Metered=says)
            await heard.until(lambda means=means: heard.readings[-1] == {"metered": means, "vpn": None})
    with pytest.raises(SenseLost, match="NetworkManager has gone"):
        await asyncio.wait_for(watch, 30)


PLAIN = {"Type": "802-3-ethernet", "Vpn": False, "Default": True, "Default6": False}


def connection(number: int) -> str:
    return f"/org/freedesktop/NetworkManager/ActiveConnection/{number}"


@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
@pytest.mark.parametrize(
    ("up", "vpn"),
    [
        ((), False),
        ((PLAIN,), False),
        ((PLAIN, {**PLAIN, "Type": "vpn", "Vpn": True, "Default": False}), True),
        (({**PLAIN, "Vpn": True},), True),
        ((PLAIN, {**PLAIN, "Type": "wireguard", "Default": False}), True),
        (({**PLAIN, "Default": False}, {**PLAIN, "Type": "tun"}), True),
        ((PLAIN, {**PLAIN, "Type": "tun", "Default": False, "Default6": True}), True),
        ((PLAIN, {**PLAIN, "Type": "tun", "Default": False}), False),
    ],
)
async def test_vpns(bus: SessionBus, up: tuple[dict[str, object], ...], vpn: bool) -> None:
    with MockService(bus, network.SERVICE, "/org/freedesktop/NetworkManager", network.SERVICE) as manager:
        for number, properties in enumerate(up):
            values = {name: ("s" if name == "Type" else "b", value) for name, value in properties.items()}
            manager.mock("AddObject", "ssa{sv}a(ssss)", connection(number), network.ACTIVE, values, [])
        manager.has("u", Metered=2)
        manager.has("ao", ActiveConnections=[connection(7)])
        async with watching(NetworkManager(system_environ(bus))) as heard:
            await heard.until_seen(metered=False, vpn=False)
            manager.change("ao", ActiveConnections=[connection(7), *(connection(one) for one in range(len(up)))])
            manager.change("u", Metered=1)
            await heard.until_seen(metered=True, vpn=vpn)


async def test_no_network_manager(bus: SessionBus) -> None:
    assert NetworkManager(system_environ(bus)).unusable() is None
    with pytest.raises(SenseLost, match="NetworkManager"):
        await NetworkManager(system_environ(bus)).watch(lambda _: None)
