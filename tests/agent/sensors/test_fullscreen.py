"""Windows that fill the screen, under a real X server and real window managers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes.listener import Listener, watching
from fakes.listening import listening
from fakes.waiting import until
from fakes.xserver import XServer
from Xlib import X, Xutil
from Xlib.display import Display
from Xlib.protocol import event

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.fullscreen import FILLS, FullScreen

MANAGERS = ("openbox", "xfwm4")
NEEDED = (*MANAGERS, "Xvfb")
pytestmark = pytest.mark.skipif(
    any(shutil.which(one) is None for one in NEEDED),
    reason=f"needs {' and '.join(NEEDED)} (installers/linux/packages.sh test)",
)


class Film:
    """A managed window that may fill the screen."""

    def __init__(self, display: str) -> None:
        self._display = Display(display)
        root = self._display.screen().root
        self._window = root.create_window(0, 0, 200, 100, 0, self._display.screen().root_depth)
        self._window.set_wm_hints(flags=Xutil.InputHint, input=1)
        self._window.map()
        state = self._display.get_atom("WM_STATE")
        until(lambda: self._window.get_full_property(state, X.AnyPropertyType))

    def fill(self, on: bool) -> None:
        """Ask the window manager."""
        name, fullscreen = (self._display.get_atom(one) for one in ("_NET_WM_STATE", "_NET_WM_STATE_FULLSCREEN"))
        wish = event.ClientMessage(window=self._window, client_type=name, data=(32, [int(on), fullscreen, 0, 1, 0]))
        mask = X.SubstructureRedirectMask | X.SubstructureNotifyMask
        self._display.screen().root.send_event(wish, event_mask=mask)
        self._display.sync()

    def close(self) -> None:
        """End the program."""
        self._display.close()


def manages(display: str) -> bool:
    """Tell whether a window manager is ready: of all that they announce, one of these comes last."""
    asking = Display(display)
    try:
        last = {asking.get_atom(one) for one in ("_NET_WORKAREA", "_NET_SUPPORTED", "_NET_SUPPORTING_WM_CHECK")}
        return last <= set(asking.screen().root.list_properties())
    finally:
        asking.close()


@pytest.fixture
def server() -> Iterator[XServer]:
    with XServer() as started:
        yield started


@pytest.fixture(params=MANAGERS)
def managed(server: XServer, request: pytest.FixtureRequest) -> Iterator[XServer]:
    manager = server.run(request.param)
    until(lambda: manages(server.display))
    yield server
    manager.terminate()
    manager.wait()


async def test_a_film_begins_and_ends(managed: XServer) -> None:
    sensor = FullScreen(managed.environ)
    assert sensor.unusable() is None
    async with watching(sensor) as heard:
        await heard.until_seen(presenting="")
        for ends_by in ("leaving", "closing"):
            film = await asyncio.to_thread(Film, managed.display)
            await asyncio.to_thread(film.fill, True)
            await heard.until_seen(presenting=FILLS)
            await asyncio.to_thread(film.fill, ends_by != "leaving")
            await asyncio.to_thread(film.close)
            await heard.until_seen(presenting="")
    assert [one["presenting"] for one in heard.readings] == ["", FILLS, "", FILLS, ""]


async def test_another_window_comes_to_the_front(managed: XServer) -> None:
    film = Film(managed.display)
    film.fill(True)
    async with watching(FullScreen(managed.environ)) as heard:
        await heard.until_seen(presenting=FILLS)
        editor = await asyncio.to_thread(Film, managed.display)
        await heard.until_seen(presenting="")
        await asyncio.to_thread(editor.close)
        await heard.until_seen(presenting=FILLS)
    film.close()


async def test_nobody_manages_windows(server: XServer) -> None:
    heard = Listener()
    watch = asyncio.create_task(FullScreen(server.environ).watch(heard.report))
    await heard.until_seen(presenting="")
    server.kill()
    with pytest.raises(SenseLost, match="the X server has gone"):
        await asyncio.wait_for(watch, 30)


async def test_not_on_x11(tmp_path: Path) -> None:
    sensor = FullScreen({"DISPLAY": ":0", "WAYLAND_DISPLAY": str(tmp_path / "wayland-0")})
    with closing(listening(tmp_path / "wayland-0")):
        assert "Wayland" in (sensor.unusable() or "")
        with pytest.raises(SenseLost, match="Wayland"):
            await sensor.watch(lambda _: None)
