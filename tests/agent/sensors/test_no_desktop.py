"""A machine without a desktop, until somebody has one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from fakes.listener import watching
from fakes.listening import listening

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.no_desktop import NoDesktop


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("run/systemd/sessions", "tmp/.X11-unix"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def log_in(root: Path, kind: str) -> None:
    (root / "run/systemd/sessions/3").write_text(f"TYPE={kind}\nCLASS=user\nUID=1000\nSTATE=active\n")


def outside(root: Path, environ: dict[str, str] | None = None) -> NoDesktop:
    return NoDesktop(environ or {}, root, period=0.01)


@pytest.mark.parametrize("environ", [{}, {"XDG_SESSION_TYPE": "tty", "DISPLAY": "localhost:10.0"}])
async def test_nobody_is_at_a_desktop(root: Path, environ: dict[str, str]) -> None:
    async with watching(outside(root, environ)) as heard:
        await heard.until_seen(in_use=False)
        assert heard.seen.idle_since is not None


@pytest.mark.parametrize(
    "environ", [{"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}, {"XDG_SESSION_TYPE": "wayland"}]
)
def test_inside_a_desktop_it_is_none(root: Path, environ: dict[str, str]) -> None:
    assert outside(root, environ).unusable() == "this is a graphical session"


@pytest.mark.parametrize("kind", ["x11", "wayland"])
async def test_somebodys_desktop_cannot_be_watched(root: Path, kind: str) -> None:
    sensor = outside(root)
    assert sensor.unusable() is None
    with pytest.raises(SenseLost, match="somebody has a graphical session"):
        await sensor.watch(lambda _: log_in(root, kind))
    assert "somebody has a graphical session" in (sensor.unusable() or "")


def test_without_logind_any_x_server_forbids_it(root: Path) -> None:
    (root / "run/systemd/sessions").rmdir()
    with closing(listening(root / "tmp/.X11-unix/X0")):
        assert "an X server runs here (X0)" in (outside(root).unusable() or "")
    assert outside(root).unusable() is None, "what a dead one has left is no desktop"


def test_a_compositor_forbids_it(root: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(root)}
    with closing(listening(root / "wayland-1")):
        assert "a compositor runs here" in (outside(root, environ).unusable() or "")
    assert outside(root, environ).unusable() is None
