"""A conversation on a real message bus, and with what only looks like one."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbus_fast import Message
from dbus_fast.aio import MessageBus
from fakes.screensaver_bus import ScreenSaver, SessionBus
from jeepney import DBusAddress

from farmhand_agent.sensors import dbus
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.dbus import NoAnswer, member, new_owner, open_bus, session_bus, system_bus, why_no_bus

NAME = "org.gnome.ScreenSaver"
DAEMON = DBusAddress("/org/freedesktop/DBus", dbus.BUS, dbus.BUS)
SAVER = DBusAddress("/org/gnome/ScreenSaver", NAME, NAME)


@pytest.fixture
def daemon() -> Iterator[SessionBus]:
    with SessionBus() as started:
        yield started


async def test_calls_are_answered_and_signals_wait(daemon: SessionBus) -> None:
    async with ScreenSaver(daemon, NAME, active=True) as screensaver, open_bus(daemon.address) as bus:
        await bus.follow(NAME, "ActiveChanged")
        screensaver.show(False)
        assert await bus.call(SAVER, "GetActive") == (False,)
        heard = await bus.signal()
        while member(heard) != "ActiveChanged":
            heard = await bus.signal()
        assert (heard.body, new_owner(heard)) == ((False,), None)


async def test_what_others_say_wakes_nobody(daemon: SessionBus) -> None:
    stranger = await MessageBus(bus_address=daemon.address).connect()
    async with ScreenSaver(daemon, NAME) as screensaver, open_bus(daemon.address) as bus:
        await bus.follow(NAME, "ActiveChanged", sender=NAME)
        await stranger.send(Message.new_signal(SAVER.object_path, NAME, "ActiveChanged", "b", [True]))
        await stranger.call(Message(destination=dbus.BUS, path="/", interface=dbus.BUS, member="GetId"))
        screensaver.show(False)
        heard = await bus.signal()
        while member(heard) != "ActiveChanged":
            heard = await bus.signal()
        assert heard.body == (False,)
    stranger.disconnect()
    await stranger.wait_for_disconnect()


async def test_a_name_that_changes_hands_is_told(daemon: SessionBus) -> None:
    async with open_bus(daemon.address) as bus:
        await bus.follow_owner(NAME)
        async with ScreenSaver(daemon, NAME):
            while not (owner := new_owner(await bus.signal())):
                pass
            assert owner.startswith(":")
        assert new_owner(await bus.signal()) == ""


async def test_nobody_answers(daemon: SessionBus) -> None:
    async with open_bus(daemon.address) as bus:
        with pytest.raises(NoAnswer, match=NAME):
            await bus.call(SAVER, "GetActive")
        with pytest.raises(NoAnswer, match="NoSuch"):
            await bus.get(DAEMON, "NoSuch")
        assert "en" not in await bus.get(DAEMON, "Features")


async def test_a_service_that_hangs(daemon: SessionBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbus, "ANSWER_WITHIN", 1.0)
    silent = await MessageBus(bus_address=daemon.address).connect()
    await silent.request_name(NAME)
    silent.add_message_handler(lambda _: True)
    async with open_bus(daemon.address) as bus:
        with pytest.raises(NoAnswer, match=f"{NAME} does not answer"):
            await bus.call(SAVER, "GetActive")
        assert await bus.call(DAEMON, "NameHasOwner", "s", NAME) == (True,)
    silent.disconnect()
    await silent.wait_for_disconnect()


async def test_a_bus_that_hangs(daemon: SessionBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbus, "ANSWER_WITHIN", 0.2)
    daemon.send(signal.SIGSTOP)
    with pytest.raises(SenseLost, match="the message bus does not answer"):
        async with open_bus(daemon.address):
            pass
    daemon.send(signal.SIGCONT)


@pytest.mark.parametrize(
    ("words", "reason"), [(b"", "the message bus has gone"), (b"REJECTED EXTERNAL\r\n", "the message bus refuses")]
)
async def test_no_bus_behind_the_socket(tmp_path: Path, words: bytes, reason: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(words)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, tmp_path / "bus")
    with pytest.raises(SenseLost, match=reason):
        async with open_bus(f"unix:path={tmp_path / 'bus'}"):
            pass
    server.close()
    await server.wait_closed()


async def test_a_socket_that_nobody_listens_to(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "bus"))
    with pytest.raises(SenseLost, match="the message bus cannot be reached"):
        async with open_bus(f"unix:path={tmp_path / 'bus'}"):
            pass


def test_where_the_buses_are() -> None:
    assert session_bus({}) == ""
    assert why_no_bus("") == "DBUS_SESSION_BUS_ADDRESS is not set"
    assert session_bus({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/a"}) == "unix:path=/a"
    assert system_bus({}) == "unix:path=/run/dbus/system_bus_socket"
    assert system_bus({"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/b"}) == "unix:path=/b"
