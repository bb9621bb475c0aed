"""When an X server is asked, and when it is better not to."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes.listening import listening
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
        ({"DISPLAY": ":98765", "WAYLAND_DISPLAY": "wayland-0"}, "Wayland"),
        ({"DISPLAY": ":98765", "XDG_SESSION_TYPE": "wayland"}, "Wayland"),
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


# --- which display is the session's ------------------------------------------
LOGIND = "run/systemd/sessions"


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize(
    "stale",
    [
        {"WAYLAND_DISPLAY": "wayland-0"},
        {"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "x11"},
        {"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "wayland"},
        {"XDG_SESSION_TYPE": "wayland"},
        {"XDG_SESSION_TYPE": "tty"},
        {},
    ],
)
def test_what_an_earlier_session_has_left_hides_no_x_server(
    server: XServer, runtime: Path, stale: dict[str, str]
) -> None:
    environ = {**server.environ, **stale, "XDG_RUNTIME_DIR": str(runtime)}
    assert x11.session_display(environ, runtime) == server.number
    assert x11.why_no_x11(environ) is None
    dead = listening(runtime / "wayland-0")
    dead.close()  # a crash leaves its socket
    assert x11.session_display(environ, runtime) == server.number


def test_a_compositor_that_hangs_is_there(server: XServer, runtime: Path) -> None:
    environ = {**server.environ, "WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(runtime)}
    with closing(listening(runtime / "wayland-0")), pytest.raises(SenseLost, match="this is a Wayland session"):
        x11.session_display(environ, runtime)


def test_a_compositor_in_a_window_is_not_the_session(server: XServer, runtime: Path) -> None:
    environ = {**server.environ, "XDG_RUNTIME_DIR": str(runtime)}
    with closing(listening(runtime / "wayland-0")):
        assert x11.session_display(environ, runtime) == server.number


@pytest.mark.parametrize("name", ["", "localhost:10.0", ":98765"])
def test_a_display_that_is_not_named_is_found(server: XServer, runtime: Path, name: str) -> None:
    environ = {"DISPLAY": name, "XDG_SESSION_TYPE": "tty", "XDG_RUNTIME_DIR": str(runtime)}
    assert x11.session_display(environ, runtime) == server.number
    with closing(listening(runtime / "wayland-0")), pytest.raises(SenseLost, match="this is a Wayland session"):
        x11.session_display(environ, runtime)


def test_without_logind_somebody_elses_server_may_hide_hands(server: XServer, runtime: Path) -> None:
    with XServer() as other:
        other.pause()
        try:
            with pytest.raises(SenseLost, match=f"another X server runs here .X{other.number}."):
                x11.session_display({}, runtime)
            assert x11.session_display(server.environ, runtime) == server.number, "it is named"
        finally:
            other.resume()


ME = str(os.getuid())


@pytest.mark.parametrize(
    ("sessions", "reason"),
    [
        ([], ""),
        ([{"UID": ME, "TYPE": "x11"}], ""),
        ([{"UID": ME, "TYPE": "x11"}, {"UID": "54321", "TYPE": "x11"}], ""),
        ([{"UID": "54321", "TYPE": "x11"}], "somebody has a graphical session"),
        ([{"UID": ME, "TYPE": "wayland"}], "you have another graphical session"),
        ([{"UID": ME, "TYPE": "x11", "DISPLAY": ":98765"}], "you have another graphical session"),
    ],
)
def test_with_logind_every_session_must_be_heard(
    server: XServer, runtime: Path, sessions: list[dict[str, str]], reason: str
) -> None:
    folder = runtime / LOGIND
    folder.mkdir(parents=True)
    for number, values in enumerate(sessions):
        lines = {"CLASS": "user", "STATE": "active", **values}.items()
        (folder / str(number)).write_text("".join(f"{key}={value}\n" for key, value in lines))
    if reason:
        with pytest.raises(SenseLost, match=f"DISPLAY is not set, and {reason}"):
            x11.session_display({}, runtime)
    else:
        assert x11.session_display({}, runtime) == server.number


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
