"""The owner's hands under real Wayland compositors."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.compositors import Compositor, KWin, Mutter, Sway, XwaylandIn
from fakes.listener import Listener, watching
from fakes.procfs import descriptors
from fakes.waiting import comes_true

from farmhand.settings import Settings
from farmhand_agent.sensors import base, dbus, sense
from farmhand_agent.sensors.base import SenseLost, Sensor
from farmhand_agent.sensors.mutter import MutterInput
from farmhand_agent.sensors.wayland import EXT_IDLE, KWIN_IDLE, WaylandInput
from farmhand_agent.sensors.xsync import XSyncInput

SOON, HOURS = Settings(idle_after=1.0), Settings(idle_after=7200.0)

DESKTOPS = [
    pytest.param((KWin, EXT_IDLE.interface), id="kwin-ext-idle"),
    pytest.param((KWin, KWIN_IDLE.interface), id="kwin-kde-idle"),
    pytest.param((Sway, KWIN_IDLE.interface), id="sway-kde-idle"),
    pytest.param((Mutter, MutterInput.name), id="mutter"),
]


def sensor_called(name: str, settings: Settings, environ: dict[str, str]) -> Sensor:
    """The sense with that name."""
    senses: tuple[Sensor, ...] = (
        WaylandInput(EXT_IDLE, settings, environ),
        WaylandInput(KWIN_IDLE, settings, environ),
        MutterInput(settings, environ),
    )
    return next(one for one in senses if one.name == name)


def started(kind: type[Compositor]) -> Compositor:
    reason = kind.why_not()
    if reason:
        pytest.skip(reason)
    return kind()


@pytest.fixture(params=DESKTOPS)
def desktop(request: pytest.FixtureRequest) -> Iterator[tuple[Compositor, str]]:
    kind, source = request.param
    with started(kind) as compositor:
        yield compositor, source


async def test_leaving_and_coming_back_and_a_crash(desktop: tuple[Compositor, str]) -> None:
    compositor, source = desktop
    sensor = sensor_called(source, SOON, compositor.environ)
    assert sensor.unusable() is None
    heard = Listener()
    watch = asyncio.create_task(sensor.watch(heard.report))
    await heard.until_seen(in_use=True, idle_since=None)
    for _ in range(2):
        await heard.until_seen(in_use=False)
        assert heard.seen.idle_since is not None
        assert 0.8 < time.monotonic() - heard.seen.idle_since < 20
        await asyncio.to_thread(compositor.touch)
        await heard.until_seen(in_use=True, idle_since=None)
    compositor.kill()
    with pytest.raises(SenseLost, match="has gone"):
        await asyncio.wait_for(watch, 30)


async def test_a_compositor_that_hangs(desktop: tuple[Compositor, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SILENCE", 0.4)
    monkeypatch.setattr(dbus, "ANSWER_WITHIN", 0.4)
    compositor, source = desktop
    heard = Listener()
    watch = asyncio.create_task(sensor_called(source, SOON, compositor.environ).watch(heard.report))
    await heard.until_seen(in_use=False)  # answers came in several silences
    compositor.pause()
    with pytest.raises(SenseLost, match="does not answer"):
        await asyncio.wait_for(watch, 30)


@pytest.mark.parametrize("kind", [Sway, Mutter])
async def test_a_rest_is_reported_long_before_leaving(kind: type[Compositor]) -> None:
    with started(kind) as compositor:
        source = MutterInput.name if kind is Mutter else KWIN_IDLE.interface
        async with watching(sensor_called(source, HOURS, compositor.environ)) as heard:
            await heard.until(lambda: heard.seen.idle_since is not None)
            assert heard.seen.in_use is True
            await asyncio.to_thread(compositor.touch)
            await heard.until_seen(in_use=True, idle_since=None)


async def test_a_compositor_that_crashes_and_returns_is_followed() -> None:
    files_before = descriptors()
    with started(Sway) as compositor:
        heard = Listener()
        environ = {"PATH": os.environ["PATH"], "DISPLAY": ":9999", **compositor.environ}
        task = asyncio.create_task(sense(heard.report, heard.told, SOON, environ))
        await heard.until_seen(in_use=False)
        compositor.kill()
        await heard.until_seen(in_use=None, idle_since=None)
        await asyncio.to_thread(compositor.start)
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(compositor.touch)
        await heard.until_seen(in_use=True)
        chosen = [view for view in heard.views if view.question == "input"]
        assert chosen[-1].source == f"{KWIN_IDLE.interface} + other displays + terminals"
        gone = next(view for view in chosen if view.source == "other displays + terminals")
        assert dict(gone.rejected)["XSync IDLETIME"].startswith("this is a Wayland session")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await comes_true(lambda: descriptors() == files_before)


async def test_an_agent_that_knows_only_the_x_server_within() -> None:
    """A service manager has passed on DISPLAY and no more: what listens there hears nothing of what is typed."""
    with started(Sway) as compositor, XwaylandIn(compositor) as within:
        environ = {"PATH": os.environ["PATH"], "DISPLAY": within.display}
        assert "is a Wayland session's" in (XSyncInput(SOON, environ).unusable() or "")
        heard = Listener()
        environ["XDG_RUNTIME_DIR"] = compositor.environ["XDG_RUNTIME_DIR"]
        task = asyncio.create_task(sense(heard.report, heard.told, SOON, environ))
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(compositor.touch)
        await heard.until_seen(in_use=True)
        told = next(view for view in reversed(heard.views) if view.question == "input")
        assert told.source == f"{KWIN_IDLE.interface} + other displays + terminals"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


# --- where it cannot work -----------------------------------------------------
@pytest.mark.parametrize("protocol", [EXT_IDLE, KWIN_IDLE])
@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "this is no Wayland session"),
        ({"DISPLAY": ":0", "XDG_SESSION_TYPE": "x11"}, "this is no Wayland session"),
        ({"WAYLAND_DISPLAY": "/no/such/socket"}, "there is no compositor at /no/such/socket"),
        ({"XDG_SESSION_TYPE": "wayland", "XDG_RUNTIME_DIR": "/no"}, "there is no compositor at /no/wayland-0"),
    ],
)
async def test_nobody_there(protocol: object, environ: dict[str, str], reason: str) -> None:
    assert protocol in (EXT_IDLE, KWIN_IDLE)
    sensor = WaylandInput(EXT_IDLE if protocol is EXT_IDLE else KWIN_IDLE, HOURS, environ)
    assert (sensor.unusable() or "").startswith(reason)
    with pytest.raises(SenseLost, match=reason):
        await sensor.watch(lambda _: None)


class Doorman(threading.Thread):
    """Accepts one client after the other, says `words` to each and hangs up, or keeps silent where there are none."""

    def __init__(self, path: Path, words: bytes) -> None:
        super().__init__()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._words = words
        self._guests: list[socket.socket] = []

    def run(self) -> None:
        """Serve until left."""
        while True:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            guest.sendall(self._words)
            if self._words:
                guest.recv(1 << 16)
                guest.close()
            else:
                self._guests.append(guest)

    def leave(self) -> None:
        """Stop."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for guest in self._guests:
            guest.close()
        self.join()


def test_a_compositor_that_hangs_does_not_hang_the_agent(tmp_path: Path) -> None:
    doorman = Doorman(tmp_path / "wayland-7", b"")
    doorman.start()
    sensor = WaylandInput(EXT_IDLE, HOURS, {"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(tmp_path)})
    before = time.monotonic()
    assert sensor.unusable() == "the compositor does not answer"
    assert time.monotonic() - before < 20
    doorman.leave()


async def test_what_listens_there_is_no_compositor(tmp_path: Path) -> None:
    doorman = Doorman(tmp_path / "wayland-7", b"HTTP/1.1 400 Bad Request\r\n\r\n")
    doorman.start()
    sensor = WaylandInput(EXT_IDLE, HOURS, {"WAYLAND_DISPLAY": str(tmp_path / "wayland-7")})
    assert sensor.unusable() == "the compositor has gone"
    with pytest.raises(SenseLost, match="the compositor has gone"):
        await sensor.watch(lambda _: None)
    doorman.leave()
