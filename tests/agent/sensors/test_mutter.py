"""Where there is no Mutter; where there is one, see `test_wayland`."""

from __future__ import annotations

import pytest
from fakes.screensaver_bus import SessionBus

from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.mutter import MutterInput


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "this is no Wayland session"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "DBUS_SESSION_BUS_ADDRESS is not set"),
    ],
)
async def test_nobody_there(environ: dict[str, str], reason: str) -> None:
    sensor = MutterInput(Settings(), environ)
    assert sensor.unusable() == reason
    with pytest.raises(SenseLost, match=reason):
        await sensor.watch(lambda _: None)


async def test_another_desktop() -> None:
    with SessionBus() as bus:
        sensor = MutterInput(Settings(), {**bus.environ, "WAYLAND_DISPLAY": "wayland-0"})
        assert sensor.unusable() is None
        with pytest.raises(SenseLost, match=r"no Mutter: .*org\.gnome\.Mutter\.IdleMonitor"):
            await sensor.watch(lambda _: None)
