"""Windows that fill the screen, under real Wayland compositors: terminals of a real Sway."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator

import pytest
from fakes.compositors import Compositor, KWin, Mutter, Sway
from fakes.listener import Listener, watching

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.fullscreen import FILLS
from farmhand_agent.sensors.wayland_fullscreen import MANAGER, WaylandFullScreen


@pytest.fixture
def sway() -> Iterator[Sway]:
    reason = Sway.why_not() or (None if shutil.which("foot") else "foot is not installed")
    if reason:
        pytest.skip(f"{reason} (installers/linux/packages.sh test)")
    with Sway() as compositor:
        yield compositor


async def open_window(sway: Sway, *options: str) -> None:
    """Have Sway start a terminal, which a script in it keeps open."""
    await asyncio.to_thread(sway.say, "exec", "foot", *options, "sleep", "60")


async def test_a_film_begins_and_ends(sway: Sway) -> None:
    sensor = WaylandFullScreen(sway.environ)
    assert sensor.unusable() is None
    async with watching(sensor) as heard:
        await heard.until_seen(presenting="")
        await open_window(sway, "--fullscreen")
        await heard.until_seen(presenting=FILLS)
        for told in ("", FILLS):
            await asyncio.to_thread(sway.say, "fullscreen", "toggle")
            await heard.until_seen(presenting=told)
        await asyncio.to_thread(sway.say, "kill")
        await heard.until_seen(presenting="")
    assert [one["presenting"] for one in heard.readings] == ["", FILLS, "", FILLS, ""]


async def test_a_film_that_was_there_before_and_is_left_for_another_workspace(sway: Sway) -> None:
    await open_window(sway, "--fullscreen")
    async with watching(WaylandFullScreen(sway.environ)) as heard:
        await heard.until_seen(presenting=FILLS)
        await asyncio.to_thread(sway.say, "workspace", "2")
        await open_window(sway)
        await heard.until_seen(presenting="")
        await asyncio.to_thread(sway.say, "workspace", "1")
        await heard.until_seen(presenting=FILLS)


async def test_the_compositor_goes(sway: Sway) -> None:
    heard = Listener()
    watch = asyncio.create_task(WaylandFullScreen(sway.environ).watch(heard.report))
    await heard.until_seen(presenting="")
    sway.kill()
    with pytest.raises(SenseLost, match="compositor"):
        await asyncio.wait_for(watch, 30)


@pytest.mark.parametrize("kind", [KWin, Mutter])
def test_who_does_not_tell(kind: type[Compositor]) -> None:
    reason = kind.why_not()
    if reason:
        pytest.skip(reason)
    with kind() as compositor:
        assert WaylandFullScreen(compositor.environ).unusable() == f"the compositor has no {MANAGER}"


def test_not_under_wayland() -> None:
    assert WaylandFullScreen({"DISPLAY": ":0"}).unusable() == "this is no Wayland session"
