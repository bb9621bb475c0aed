"""When an X server is asked, and when it is better not to."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.waiting import comes_true
from fakes.xserver import XServer
from Xlib import error

from farmhand_agent.sensors import x11
from farmhand_agent.sensors.base import SenseLost


@pytest.fixture(scope="module")
def server() -> Iterator[XServer]:
    with XServer() as started:
        yield started


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "DISPLAY is not set"),
        ({"DISPLAY": ":7", "WAYLAND_DISPLAY": "wayland-0"}, "Wayland"),
        ({"DISPLAY": ":7", "XDG_SESSION_TYPE": "wayland"}, "Wayland"),
        ({"DISPLAY": "localhost:10.0"}, "display localhost:10.0 is not on this machine"),
        ({"DISPLAY": "rubbish"}, "display rubbish is not on this machine"),
        ({"DISPLAY": ":98765"}, "display :98765 does not answer"),
    ],
)
def test_no_x_server_is_asked(environ: dict[str, str], reason: str) -> None:
    assert reason in (x11.why_no_x11(environ) or "")
    assert reason in (x11.why_not(environ, "SYNC") or "")
    with pytest.raises(SenseLost, match=reason):
        x11.open_display(environ)


def test_a_display_here_is_asked_by_any_of_its_names(server: XServer) -> None:
    for name in (server.display, f"{server.display}.0", f"unix{server.display}"):
        assert x11.why_no_x11({"DISPLAY": name}) is None
        assert x11.why_not({"DISPLAY": name}, "SYNC") is None


def test_an_extension_that_is_not_there_is_named(server: XServer) -> None:
    assert x11.why_not(server.environ, "NO-SUCH-THING") == "the X server has no NO-SUCH-THING"


def test_a_stopped_x_server_does_not_stop_the_agent(server: XServer) -> None:
    server.pause()
    try:
        before = time.monotonic()
        assert x11.why_not(server.environ, "SYNC") == f"display {server.display} does not answer"
        assert time.monotonic() - before < 20
    finally:
        server.resume()


@pytest.mark.parametrize("content", [None, b"", b"\0\1rubbish", b"\1\0\0\4host\0\1"])
def test_a_broken_credentials_file_is_no_obstacle(
    server: XServer, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "authority"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("XAUTHORITY", str(file))
    assert x11.why_not(server.environ, "SYNC") is None


def test_no_home_is_no_obstacle(server: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XAUTHORITY", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    assert x11.why_not(server.environ, "SYNC") is None


def test_a_display_can_be_closed_after_its_server_has_gone() -> None:
    with XServer() as mortal:
        display = x11.open_display(mortal.environ)
        assert display.root > 0
        mortal.kill()
        x11.close_display(display)


class Dying(x11.Display):
    """A connection whose number goes to somebody else in the very moment in which it breaks."""

    def __init__(self, server: XServer, heir: socket.socket) -> None:
        super().__init__(f"unix{server.display}")
        self._heir = heir
        self._number = self.fileno()
        self.heard: list[bytes] = []

    def pending_events(self) -> int:
        """Count what has come."""
        try:
            return int(super().pending_events())
        except error.ConnectionClosedError:
            asyncio.get_running_loop().call_soon(self._pass_on)
            raise

    def _pass_on(self) -> None:
        os.dup2(self._heir.fileno(), self._number)
        asyncio.get_running_loop().add_reader(self._number, lambda: self.heard.append(os.read(self._number, 10)))

    def bury(self) -> None:
        """Close what has been passed on."""
        asyncio.get_running_loop().remove_reader(self._number)
        os.close(self._number)


async def test_what_has_got_its_number_since_goes_on_being_heard() -> None:
    ours, heir = socket.socketpair()
    with ours, heir, XServer() as server:
        display = Dying(server, heir)
        hearing = asyncio.create_task(x11.hear(display, lambda _: None))
        await asyncio.sleep(0)
        server.kill()
        with pytest.raises(SenseLost, match="the X server has gone"):
            await asyncio.wait_for(hearing, 30)
        ours.send(b"hello")
        await comes_true(lambda: display.heard == [b"hello"])
        display.bury()
