"""Whose session is at the screen, told by a logind on a private bus; for a real one see `tests/whole/test_debian`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.listener import watching
from fakes.mock_service import WHY_NOT, MockService, system_environ
from fakes.screensaver_bus import SessionBus

from farmhand_agent.sensors import logind
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.seat import Seat

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


@pytest.fixture
def bus() -> Iterator[SessionBus]:
    with SessionBus() as started:
        yield started


async def test_another_session_comes_to_the_screen_and_goes(bus: SessionBus) -> None:
    with MockService(bus, logind.SERVICE, logind.MANAGER_PATH, logind.MANAGER_INTERFACE, "logind") as manager:
        manager.mock("AddSession", "ssusb", "c7", "seat0", 1000, "anna", True)
        session = "/org/freedesktop/login1/session/c7"
        async with watching(Seat({**system_environ(bus), "XDG_SESSION_ID": "c7"})) as heard:
            await heard.until_seen(in_front=True)
            manager.change("b", session, logind.SESSION, Active=False)
            await heard.until_seen(in_front=False)
            manager.change("b", session, logind.SESSION, Active=True)
            await heard.until_seen(in_front=True)


async def test_no_logind(bus: SessionBus) -> None:
    assert "there is no message bus" in (Seat({"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/no"}).unusable() or "")
    assert Seat(system_environ(bus)).unusable() is None
    with pytest.raises(SenseLost, match=r"org\.freedesktop\.login1"):
        await Seat(system_environ(bus)).watch(lambda _: None)
