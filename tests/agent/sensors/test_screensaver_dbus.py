"""Desktops' screensavers on a real bus."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Iterator

import pytest
from fakes.listener import Listener, watching
from fakes.resident import PASSWORD, HerBus, Resident
from fakes.screensaver_bus import ScreenSaver, SessionBus
from fakes.waiting import comes_true
from fakes.xserver import XServer
from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.screensaver_dbus import SERVICES, DBusScreenSaver


@pytest.fixture
def bus() -> Iterator[SessionBus]:
    with SessionBus() as started:
        yield started


async def test_nobody_answers(bus: SessionBus) -> None:
    async with watching(DBusScreenSaver(bus.environ)) as heard:
        await heard.until(lambda: bool(heard.readings))
        assert heard.readings == [{"screensaver": None, "screensaver_since": None}]


@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_each_desktops_screensaver(bus: SessionBus, name: str) -> None:
    async with ScreenSaver(bus, name) as screensaver, watching(DBusScreenSaver(bus.environ)) as heard:
        await heard.until_seen(screensaver=False, screensaver_since=None)
        before = time.monotonic()
        screensaver.show(True)
        await heard.until_seen(screensaver=True)
        assert heard.seen.screensaver_since is not None
        assert before <= heard.seen.screensaver_since <= time.monotonic()
        screensaver.show(False)
        await heard.until_seen(screensaver=False, screensaver_since=None)


async def test_a_screen_that_was_locked_before_the_agent_came(bus: SessionBus) -> None:
    async with (
        ScreenSaver(bus, "org.gnome.ScreenSaver", active=True) as screensaver,
        watching(DBusScreenSaver(bus.environ)) as heard,
    ):
        await heard.until_seen(screensaver=True, screensaver_since=None)
        screensaver.show(False)
        await heard.until_seen(screensaver=False)


async def test_a_screensaver_that_comes_later_and_goes_while_it_shows(bus: SessionBus) -> None:
    async with watching(DBusScreenSaver(bus.environ)) as heard:
        await heard.until_seen(screensaver=None)
        async with ScreenSaver(bus, "org.mate.ScreenSaver") as screensaver:
            await heard.until_seen(screensaver=False)
            screensaver.show(True)
            await heard.until_seen(screensaver=True)
        await heard.until_seen(screensaver=None, screensaver_since=None)


async def test_one_of_two_is_enough(bus: SessionBus) -> None:
    async with (
        ScreenSaver(bus, "org.gnome.ScreenSaver") as gnome,
        ScreenSaver(bus, "org.freedesktop.ScreenSaver") as kde,
        watching(DBusScreenSaver(bus.environ)) as heard,
    ):
        await heard.until_seen(screensaver=False)
        gnome.show(True)
        await heard.until_seen(screensaver=True)
        since = heard.seen.screensaver_since
        kde.show(True)
        gnome.show(False)
        kde.show(False)
        await heard.until_seen(screensaver=False)
        assert [one for one in heard.readings if one["screensaver"]] == [
            {"screensaver": True, "screensaver_since": since}
        ]


async def test_one_that_does_not_know_says_nothing_until_it_changes(bus: SessionBus) -> None:
    async with (
        ScreenSaver(bus, "org.freedesktop.ScreenSaver", knows=False) as screensaver,
        watching(DBusScreenSaver(bus.environ)) as heard,
    ):
        await heard.until_seen(screensaver=None)
        async with ScreenSaver(bus, "org.xfce.ScreenSaver"):
            await heard.until_seen(screensaver=False)
        screensaver.show(True)
        await heard.until_seen(screensaver=True)


# --- lock screens of real desktops ---------------------------------------------
def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [one for one in programs if shutil.which(one) is None]
    reason = (
        f"{', '.join(missing)} not installed (installers/linux/packages.sh test)" if missing else Resident.why_not()
    )
    return pytest.mark.skipif(reason is not None, reason=reason or "")


def tell(bus: HerBus, service: str, method: str, signature: str = "", *arguments: object) -> None:
    """Call a screensaver without waiting for an answer; MATE's gives none."""
    call = new_method_call(DBusAddress(SERVICES[service], service, service), method, signature or None, arguments)
    with open_dbus_connection(bus.address) as connection:
        connection.send(call)


@needs("mate-screensaver", "openbox")
async def test_mates_lock_screen_and_the_password() -> None:
    with XServer() as server, Resident() as anna:
        bus = anna.start_bus()
        anna.start("openbox", DISPLAY=server.display)
        async with watching(DBusScreenSaver(bus.environ)) as heard:
            await heard.until_seen(screensaver=None)
            anna.start("mate-screensaver", "--no-daemon", DISPLAY=server.display, **bus.environ)
            await heard.until_seen(screensaver=False)
            windows = server.windows()
            tell(bus, "org.mate.ScreenSaver", "Lock")
            await heard.until_seen(screensaver=True)
            assert heard.seen.screensaver_since is not None
            await comes_true(lambda: server.windows() > windows)  # it is dark
            dark = server.windows()
            await asyncio.to_thread(server.touch, "click")
            await comes_true(lambda: server.windows() > dark)  # it asks for the password
            for _ in range(5):  # it draws its dialog some time before it listens
                await asyncio.to_thread(server.type, PASSWORD)
                with contextlib.suppress(AssertionError):
                    await heard.until_seen(within=2, screensaver=False)
                    break
            await heard.until_seen(screensaver=False, screensaver_since=None)


@needs("kwin_wayland")
async def test_kdes_lock_screen_and_its_crash() -> None:
    with XServer() as server, Resident() as anna:
        bus = anna.start_bus()
        async with watching(DBusScreenSaver(bus.environ)) as heard:
            await heard.until_seen(screensaver=None)
            kwin = anna.start(
                *(anna.own_copy("kwin_wayland"), "--x11-display", server.display, "--socket", "wayland-locked"),
                DISPLAY=server.display,
                **bus.environ,
            )
            await heard.until_seen(screensaver=False)
            tell(bus, "org.freedesktop.ScreenSaver", "Lock")
            await heard.until_seen(screensaver=True)
            assert heard.seen.screensaver_since is not None
            kwin.kill()
            await heard.until_seen(screensaver=None, screensaver_since=None)


async def test_one_that_takes_its_name_before_it_can_be_asked(bus: SessionBus) -> None:
    async with (
        ScreenSaver(bus, "org.freedesktop.ScreenSaver", knows=False) as screensaver,
        watching(DBusScreenSaver(bus.environ)) as heard,
    ):
        await screensaver.was_asked()
        screensaver.learn()
        await heard.until_seen(screensaver=False)


async def test_the_bus_dies(bus: SessionBus) -> None:
    heard = Listener()
    watch = asyncio.create_task(DBusScreenSaver(bus.environ).watch(heard.report))
    await heard.until(lambda: bool(heard.readings))
    bus.kill()
    with pytest.raises(SenseLost, match="the message bus has gone"):
        await asyncio.wait_for(watch, 30)


async def test_a_bus_that_is_not_there() -> None:
    with pytest.raises(SenseLost, match="there is no message bus at /no/such/bus"):
        await DBusScreenSaver({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/no/such/bus"}).watch(lambda _: None)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "DBUS_SESSION_BUS_ADDRESS is not set"),
        ("unix:path=/no/such/bus", "there is no message bus at /no/such/bus"),
        ("tcp:host=localhost,port=1", "the message bus cannot be reached"),
        ("rubbish", "the message bus cannot be reached"),
    ],
)
def test_where_it_cannot_work(address: str, reason: str) -> None:
    assert reason in (DBusScreenSaver({"DBUS_SESSION_BUS_ADDRESS": address}).unusable() or "")


def test_where_it_can_work(bus: SessionBus) -> None:
    assert DBusScreenSaver(bus.environ).unusable() is None
    assert DBusScreenSaver({"DBUS_SESSION_BUS_ADDRESS": "unix:abstract=/anything"}).unusable() is None
