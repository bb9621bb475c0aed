"""Graphical sessions, as logind writes them down."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmhand_agent.sensors.sessions import SESSIONS, DesktopSession, desktops


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / SESSIONS).mkdir(parents=True)
    return tmp_path


def session(root: Path, name: str = "3", **values: str) -> None:
    text = "\n".join(f"{key}={value}" for key, value in {"STATE": "active", **values}.items())
    (root / SESSIONS / name).write_text(f"# private\n{text}\n")


def test_desktops_of_people(root: Path) -> None:
    session(root, "1", UID="1000", TYPE="x11", CLASS="user", DISPLAY=":1")
    session(root, "2", UID="1001", TYPE="wayland", CLASS="user", STATE="online")
    assert set(desktops(root) or ()) == {DesktopSession(1000, "x11", ":1"), DesktopSession(1001, "wayland", "")}


def test_what_is_nobodys_desktop(root: Path) -> None:
    session(root, "1", TYPE="tty", CLASS="user")
    session(root, "c1", TYPE="wayland", CLASS="greeter")
    session(root, "2", TYPE="x11", CLASS="user", STATE="closing")
    session(root, "4.ref", TYPE="x11", CLASS="user")
    (root / SESSIONS / "9").symlink_to("gone")
    assert desktops(root) == ()


def test_without_logind_nobody_knows(tmp_path: Path) -> None:
    assert desktops(tmp_path) is None
