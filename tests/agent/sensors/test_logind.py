"""Sleep and locked sessions, as a logind on a private bus tells of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from fakes.listener import Listener, watching
from fakes.mock_service import WHY_NOT, MockService, system_environ
from fakes.procfs import descriptors
from fakes.screensaver_bus import SessionBus
from fakes.waiting import comes_true

from farmhand_agent.sensors import logind
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.logind import SessionLock, Sleep

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


@pytest.fixture
def bus() -> Iterator[SessionBus]:
    with SessionBus() as started:
        yield started


@pytest.fixture
def manager(bus: SessionBus) -> Iterator[MockService]:
    with MockService(bus, logind.SERVICE, logind.MANAGER_PATH, logind.MANAGER_INTERFACE, "logind") as service:
        yield service


def held_up(manager: MockService) -> list[str]:
    """Who holds up sleep."""
    (inhibitors,) = manager.call("ListInhibitors")
    return [who for what, who, _, mode, _, _ in inhibitors if (what, mode) == ("sleep", "delay")]


class Givingback:
    """The agent's part: the machine is given back when the test says so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.done = asyncio.Event()

    async def __call__(self) -> None:
        self.asked.set()
        await self.done.wait()


# --- sleep --------------------------------------------------------------------
async def test_the_machine_sleeps_after_it_has_been_given_back(bus: SessionBus, manager: MockService) -> None:
    agent = Givingback()
    async with watching(Sleep(agent, system_environ(bus))) as heard:
        await heard.until_seen(sleeping=False, woke_at=None)
        await comes_true(lambda: held_up(manager) == ["Farmhand"])

        manager.tells("PrepareForSleep", "b", True)
        await asyncio.wait_for(agent.asked.wait(), 30)
        assert heard.seen.sleeping is True, "reported before the agent is asked whether it is ready"
        assert held_up(manager) == ["Farmhand"]
        agent.done.set()
        await comes_true(lambda: held_up(manager) == [])

        before = time.monotonic()
        manager.tells("PrepareForSleep", "b", False)
        await heard.until_seen(sleeping=False)
        assert heard.seen.woke_at is not None
        assert before <= heard.seen.woke_at <= time.monotonic()
        await comes_true(lambda: held_up(manager) == ["Farmhand"])
    await comes_true(lambda: held_up(manager) == [])


async def test_the_machine_is_shut_down_and_the_shutdown_is_called_off(bus: SessionBus, manager: MockService) -> None:
    async with watching(Sleep(Givingback(), system_environ(bus))) as heard:
        await heard.until_seen(shutting_down=False)
        manager.tells("PrepareForShutdown", "b", True)
        await heard.until_seen(shutting_down=True, sleeping=False)
        manager.tells("PrepareForShutdown", "b", False)
        await heard.until_seen(shutting_down=False, woke_at=None)


async def test_a_shutdown_that_had_been_announced_before_the_agent_came(bus: SessionBus, manager: MockService) -> None:
    manager.change("b", PreparingForShutdown=True)
    async with watching(Sleep(environ=system_environ(bus))) as heard:
        await heard.until_seen(shutting_down=True)


async def test_an_agent_that_hangs_does_not_keep_the_machine_awake(
    bus: SessionBus, manager: MockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logind, "HOLD_UP", 0.1)
    async with watching(Sleep(Givingback(), system_environ(bus))) as heard:
        await comes_true(lambda: held_up(manager) == ["Farmhand"])
        manager.tells("PrepareForSleep", "b", True)
        await heard.until_seen(sleeping=True)
        await comes_true(lambda: held_up(manager) == [])


async def test_sleep_that_had_been_announced_before_the_agent_came(bus: SessionBus, manager: MockService) -> None:
    manager.change("b", PreparingForSleep=True)
    async with watching(Sleep(environ=system_environ(bus))) as heard:
        await heard.until_seen(sleeping=True)


async def test_a_logind_that_refuses_is_heard_all_the_same(bus: SessionBus) -> None:
    with MockService(bus, logind.SERVICE, logind.MANAGER_PATH, logind.MANAGER_INTERFACE) as service:
        service.has("b", PreparingForSleep=False, PreparingForShutdown=False)
        async with watching(Sleep(environ=system_environ(bus))) as heard:
            await heard.until_seen(sleeping=False)
            service.tells("PrepareForSleep", "b", True)
            await heard.until_seen(sleeping=True)


async def test_logind_ends(bus: SessionBus, manager: MockService) -> None:
    heard = Listener()
    watch = asyncio.create_task(Sleep(environ=system_environ(bus)).watch(heard.report))
    await heard.until_seen(sleeping=False)
    manager.kill()
    with pytest.raises(SenseLost, match="login1 has gone"):
        await asyncio.wait_for(watch, 30)


async def test_nothing_is_left_open(bus: SessionBus, manager: MockService) -> None:
    before = descriptors()
    for _ in range(5):
        async with watching(Sleep(environ=system_environ(bus))) as heard:
            await heard.until_seen(sleeping=False)
            await comes_true(lambda: held_up(manager) == ["Farmhand"])
        await comes_true(lambda: held_up(manager) == [])
    await comes_true(lambda: descriptors() == before)


async def test_no_logind(bus: SessionBus) -> None:
    assert "there is no message bus" in (Sleep(environ={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no"}).unusable() or "")
    for sensor in (Sleep(environ=system_environ(bus)), SessionLock(system_environ(bus))):
        assert sensor.unusable() is None
        with pytest.raises(SenseLost, match=r"org\.freedesktop\.login1"):
            await sensor.watch(lambda _: None)


# --- sessions ----------------------------------------------------------
@pytest.fixture
def session(manager: MockService) -> str:
    manager.mock("AddSession", "ssusb", "c7", "seat0", 1000, "anna", True)
    return "/org/freedesktop/login1/session/c7"


def lock(manager: MockService, session: str, locked: bool) -> None:
    manager.change("b", session, logind.SESSION, LockedHint=locked)


async def test_a_session_is_locked_and_unlocked(bus: SessionBus, manager: MockService, session: str) -> None:
    async with watching(SessionLock({**system_environ(bus), "XDG_SESSION_ID": "c7"})) as heard:
        await heard.until_seen(screensaver=False, screensaver_since=None)
        before = time.monotonic()
        lock(manager, session, True)
        await heard.until_seen(screensaver=True)
        assert heard.seen.screensaver_since is not None
        assert before <= heard.seen.screensaver_since <= time.monotonic()
        lock(manager, session, False)
        await heard.until_seen(screensaver=False, screensaver_since=None)


async def test_a_session_that_was_locked_before_the_agent_came(
    bus: SessionBus, manager: MockService, session: str
) -> None:
    lock(manager, session, True)
    async with watching(SessionLock({**system_environ(bus), "XDG_SESSION_ID": "c7"})) as heard:
        await heard.until_seen(screensaver=True, screensaver_since=None)


async def test_an_agent_outside_of_a_session_finds_the_users_own(
    bus: SessionBus, manager: MockService, session: str
) -> None:
    lock(manager, session, True)
    properties = {"Display": ("(so)", ("c7", session))}
    user = logind.OWN_USER
    manager.mock("AddObject", "ssa{sv}a(ssss)", user.object_path, user.interface, properties, [])
    async with watching(SessionLock(system_environ(bus))) as heard:
        await heard.until_seen(screensaver=True)


async def test_a_user_without_a_graphical_session(bus: SessionBus, manager: MockService) -> None:
    user = logind.OWN_USER
    manager.mock("AddObject", "ssa{sv}a(ssss)", user.object_path, user.interface, {"Display": ("(so)", ("", "/"))}, [])
    with pytest.raises(SenseLost, match="no graphical session"):
        await SessionLock(system_environ(bus)).watch(lambda _: None)
