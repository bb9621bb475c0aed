"""Programs that hold off the screensaver, at each service that they may ask to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fakes.listener import Listener, watching
from fakes.mock_service import WHY_NOT, MockService, system_environ
from fakes.screensaver_bus import SessionBus

from farmhand_agent.sensors import logind
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.inhibitors import KEEPERS, SOMEBODY, Inhibitors

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
LOGIND, GNOME, POWER = KEEPERS


@pytest.fixture
def bus() -> Iterator[SessionBus]:
    with SessionBus() as started:
        yield started


async def test_logind_names_who_and_why(bus: SessionBus) -> None:
    with MockService(bus, logind.SERVICE, logind.MANAGER_PATH, logind.MANAGER_INTERFACE) as manager:
        holds = "ret = dbus.Array([dbus.Struct((w, 'mpv', 'a film', m, 1000, 7)) for w, m in %s], signature='(ssssuu)')"

        def hold(*inhibitors: tuple[str, str]) -> None:
            manager.answers("ListInhibitors", "", "a(ssssuu)", holds % repr(list(inhibitors)))
            manager.tells("Nudge")
            manager.change("s", BlockInhibited=repr(inhibitors))

        manager.has("s", BlockInhibited="")
        hold(("sleep", "delay"), ("idle", "delay"), ("sleep:shutdown", "block"))
        async with watching(Inhibitors(LOGIND, system_environ(bus))) as heard:
            await heard.until_seen(presenting="")
            hold(("sleep", "delay"), ("sleep:idle", "block"))
            await heard.until_seen(presenting="mpv holds off the screensaver: a film")
            hold()
            await heard.until_seen(presenting="")


async def test_gnome(bus: SessionBus) -> None:
    service = "org.gnome.SessionManager"
    with MockService(bus, service, "/org/gnome/SessionManager", service) as manager:
        manager.answers(
            "IsInhibited", "u", "b", "ret = self.held if hasattr(self, 'held') else False; assert args[0] == 8"
        )
        heard = Listener()
        watch = asyncio.create_task(Inhibitors(GNOME, system_environ(bus)).watch(heard.report))
        await heard.until_seen(presenting="")
        manager.answers("IsInhibited", "u", "b", "ret = True")
        manager.tells("InhibitorAdded", "o", "/org/gnome/SessionManager/Inhibitor1")
        await heard.until_seen(presenting=SOMEBODY)
        manager.answers("IsInhibited", "u", "b", "ret = False")
        manager.tells("InhibitorRemoved", "o", "/org/gnome/SessionManager/Inhibitor1")
        await heard.until_seen(presenting="")
    with pytest.raises(SenseLost, match="SessionManager has gone"):
        await asyncio.wait_for(watch, 30)


async def test_kde_and_others(bus: SessionBus) -> None:
    service = "org.freedesktop.PowerManagement.Inhibit"
    with MockService(bus, service, "/org/freedesktop/PowerManagement/Inhibit", service) as manager:
        manager.answers("HasInhibit", "", "b", "ret = True")
        async with watching(Inhibitors(POWER, system_environ(bus))) as heard:
            await heard.until_seen(presenting=SOMEBODY)
            manager.answers("HasInhibit", "", "b", "ret = False")
            manager.tells("HasInhibitChanged", "b", False)
            await heard.until_seen(presenting="")


async def test_nobody_keeps_requests(bus: SessionBus) -> None:
    for keeper in KEEPERS:
        sensor = Inhibitors(keeper, system_environ(bus))
        assert sensor.unusable() is None
        with pytest.raises(SenseLost):
            await sensor.watch(lambda _: None)
        assert Inhibitors(keeper, {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no"}).unusable() is not None
