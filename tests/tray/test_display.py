"""A tray without a display says so in one line instead of being killed by Qt."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.desktop import Desktop

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


@pytest.mark.parametrize("name", ["", ":5963"])
def test_the_program_ends_with_one_line(desktop: Desktop, name: str) -> None:
    environment = {**desktop.environment(), "DISPLAY": name}
    code = "import sys; from farmhand_tray.main import main; sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("farmhand-tray: ")
    assert ended.stderr.count("\n") == 1
