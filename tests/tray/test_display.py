"""A tray without a display says so in one line instead of being killed by Qt."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.compositors import Sway
from fakes.desktop import Desktop, wait_until
from fakes.status_notifier_watcher import Panel
from fakes.xserver import XServer

from farmhand.errors import OwnerError
from farmhand_tray import display


@pytest.fixture
def compositor(tmp_path: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "wayland-7"))
        listener.listen()
        yield tmp_path


def test_no_display_is_named() -> None:
    with pytest.raises(OwnerError, match="there is no display"):
        display.require({})


@pytest.mark.parametrize(
    "named",
    [
        {"DISPLAY": ":5963"},
        {"DISPLAY": "unix:5963"},
        {"DISPLAY": "127.0.0.1:58000"},
        {"DISPLAY": "127.0.0.1:70000"},
        {"DISPLAY": "nonsense"},
        {"WAYLAND_DISPLAY": "wayland-99", "XDG_RUNTIME_DIR": "/nonexistent"},
        {"WAYLAND_DISPLAY": "wayland-99", "DISPLAY": ":5963"},
    ],
)
def test_the_named_display_does_not_answer(named: dict[str, str]) -> None:
    with pytest.raises(OwnerError, match="does not answer"):
        display.require(named)


def test_some_platforms_need_no_display() -> None:
    display.require({"QT_QPA_PLATFORM": "offscreen"})
    display.require({"QT_QPA_PLATFORM": "vnc:port=5900"})


def test_a_wayland_display_answers(compositor: Path) -> None:
    display.require({"WAYLAND_DISPLAY": "wayland-7", "XDG_RUNTIME_DIR": str(compositor)})
    display.require({"WAYLAND_DISPLAY": str(compositor / "wayland-7"), "DISPLAY": ":5963"})


def test_an_x11_display_answers(desktop: Desktop) -> None:
    display.require({"DISPLAY": desktop.display})
    display.require({"DISPLAY": f"{desktop.display}.0"})


def test_an_x11_display_of_another_machine_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        display.require({"DISPLAY": f"127.0.0.1:{port - 6000}.0"})


# --- what Qt is to try -------------------------------------------------------------
@pytest.mark.parametrize(
    ("told", "named", "tried"),
    [
        ("", ("DISPLAY",), ()),
        ("", ("DISPLAY", "WAYLAND_DISPLAY"), ()),
        ("wayland", ("DISPLAY",), ("wayland", "xcb")),
        ("xcb", ("WAYLAND_DISPLAY",), ("xcb", "wayland")),
        ("xcb", ("DISPLAY", "WAYLAND_DISPLAY"), ("xcb", "wayland")),
        ("wayland;xcb", ("DISPLAY",), ("wayland", "xcb")),
        ("xcb:nograb", ("DISPLAY",), ("xcb:nograb",)),
        ("wayland-egl", ("WAYLAND_DISPLAY",), ("wayland-egl", "wayland")),
        ("nonsense", ("DISPLAY",), ("nonsense", "xcb")),
        (";:;", ("DISPLAY",), ()),
        ("offscreen", ("DISPLAY",), ("offscreen",)),
        ("vnc:port=5900", (), ("vnc:port=5900",)),
    ],
)
def test_the_displays_of_the_session_stand_behind_what_is_set(
    told: str, named: tuple[str, ...], tried: tuple[str, ...]
) -> None:
    assert display.platforms({"QT_QPA_PLATFORM": told, **dict.fromkeys(named, "here")}) == tried


@pytest.mark.parametrize(
    ("said", "package"),
    [
        ("libxcb-cursor.so.0: cannot open shared object file: No such file or directory", "libxcb-cursor0"),
        ("/usr/lib/libEGL.so.1: file too short", "libegl1"),
        ("libmd4c2.so.0: cannot open shared object file", "libmd4c2-0"),
        ("undefined symbol: wl_proxy", ""),
    ],
)
def test_the_package_of_a_library_is_named(said: str, package: str) -> None:
    assert display.debian_package(said) == package


# --- the program -------------------------------------------------------------------
def tray(desktop: Desktop, *before: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tray where it cannot run."""
    code = "import sys; from farmhand_tray.main import main; sys.exit(main())"
    command = [*before, sys.executable, "-c", code, "--demo"]
    environ = {**desktop.environment(), **environment}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


def one_line(ended: subprocess.CompletedProcess[str]) -> str:
    assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
    assert ended.stderr.startswith("farmhand-tray: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize("platform", ["", "xcb", "wayland", "eglfs"])
@pytest.mark.parametrize(("name", "said"), [("", "there is no display"), (":5963", ":5963 does not answer")])
def test_without_a_display_it_ends_with_one_line(desktop: Desktop, platform: str, name: str, said: str) -> None:
    assert said in one_line(tray(desktop, DISPLAY=name, QT_QPA_PLATFORM=platform))


@pytest.mark.parametrize(
    ("platform", "more"),
    [
        ("", {}),
        ("xcb", {}),
        ("", {"WAYLAND_DISPLAY": "wayland-99"}),
        ("wayland", {}),
        ("wayland", {"WAYLAND_DISPLAY": "wayland-99"}),
        ("nonsense", {}),
        (";", {}),
    ],
)
def test_the_display_that_is_there_is_used(desktop: Desktop, platform: str, more: dict[str, str]) -> None:
    desktop.start_watcher()
    program = desktop.start_tray("--demo", QT_QPA_PLATFORM=platform, **more)
    panel = Panel(desktop.bus)
    wait_until(lambda: len(panel.items()) == 1, "the icon")
    panel.click("Quit tray (lending goes on)")
    said, _ = program.communicate(timeout=30)
    panel.close()
    instead = f"farmhand-tray: QT_QPA_PLATFORM={platform} does not work here; xcb does\n"
    assert (program.returncode, said) == (0, instead if platform in ("wayland", "nonsense") else "")


def test_a_compositor_that_is_there_is_used(desktop: Desktop) -> None:
    desktop.start_watcher()
    with Sway() as compositor:
        environment = {"DISPLAY": "", "QT_QPA_PLATFORM": "xcb", **compositor.environ}
        program = desktop.start_tray("--demo", **environment)
        panel = Panel(desktop.bus)
        wait_until(lambda: len(panel.items()) == 1, "the icon")
        panel.click("Quit tray (lending goes on)")
        said, _ = program.communicate(timeout=30)
        panel.close()
    assert program.returncode == 0
    assert said.startswith("farmhand-tray: QT_QPA_PLATFORM=xcb does not work here; wayland does\n")


def test_a_display_that_lets_nobody_in_ends_it_with_one_line(desktop: Desktop, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    cookie = b"MIT-MAGIC-COOKIE-1"
    keys.write_bytes(struct.pack(">HHHH", 0xFFFF, 0, 0, len(cookie)) + cookie + struct.pack(">H", 16) + bytes(16))
    with XServer(keys=keys) as server:
        said = one_line(tray(desktop, DISPLAY=server.display, QT_QPA_PLATFORM=""))
        assert f"the display {server.display} does not let Qt in" in said
        assert "XAUTHORITY" in said


def test_qt_that_gives_up_by_itself_ends_it_with_one_line(desktop: Desktop) -> None:
    assert "Qt cannot show anything by minimalegl" in one_line(tray(desktop, QT_QPA_PLATFORM="minimalegl"))


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to hide a library")
@pytest.mark.parametrize(("library", "package"), [("libxcb-cursor.so.0", "libxcb-cursor0"), ("libEGL.so.1", "libegl1")])
def test_a_library_that_is_missing_is_named(desktop: Desktop, library: str, package: str) -> None:
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    (where,) = (line.split(" => ")[1] for line in known.splitlines() if line.strip().startswith(f"{library} "))
    hidden = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', where]
    said = one_line(tray(desktop, *hidden, QT_QPA_PLATFORM=""))
    assert library in said
    assert f"apt install {package}" in said
