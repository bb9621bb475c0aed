"""Screens that are shared: by a real Mutter through a real PipeWire; cameras and other desktops' streams on paper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.compositors import Mutter
from fakes.listener import Listener, watching
from fakes.pipewire import PipeWire

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.screen_sharing import FILMED, SHARED, ScreenSharing


@pytest.fixture
def pipewire(tmp_path: Path) -> Iterator[PipeWire]:
    reason = PipeWire.why_not()
    if reason:
        pytest.skip(reason)
    with PipeWire(tmp_path) as started:
        yield started


async def test_a_screen_is_shared_and_no_more(pipewire: PipeWire) -> None:
    reason = Mutter.why_not()
    if reason:
        pytest.skip(reason)
    sensor = ScreenSharing(pipewire.environ)
    assert sensor.unusable() is None
    with Mutter(pipewire.environ["XDG_RUNTIME_DIR"]) as desktop:
        async with watching(sensor) as heard:
            await heard.until(lambda: heard.readings == [{"presenting": None}])
            await asyncio.to_thread(desktop.share_screen)
            await heard.until_seen(presenting=SHARED)
            async with watching(ScreenSharing(pipewire.environ)) as later:
                await later.until_seen(presenting=SHARED)
            await asyncio.to_thread(desktop.share_no_more)
            await heard.until_seen(presenting=None)
        assert [one["presenting"] for one in heard.readings] == [None, SHARED, None]


async def test_pipewire_goes(pipewire: PipeWire) -> None:
    heard = Listener()
    watch = asyncio.create_task(ScreenSharing(pipewire.environ).watch(heard.report))
    await heard.until(lambda: bool(heard.readings))
    pipewire.kill()
    with pytest.raises(SenseLost, match="PipeWire has gone"):
        await asyncio.wait_for(watch, 30)


def stream(number: int, media_class: str, state: str = "suspended", **properties: str) -> dict[str, object]:
    named = {name.replace("_", "."): value for name, value in properties.items()}
    return {"id": number, "info": {"state": state, "props": {"media.class": media_class, **named}}}


async def told(tmp_path: Path, *changes: object, words: str = "") -> list[str | None]:
    """What a program that speaks like pw-dump makes the sense report, until it ends."""
    program = tmp_path / "pw-dump"
    said = words or "\n".join(json.dumps(one, indent=1) for one in changes)
    program.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{said}\nEND\n")
    program.chmod(0o755)
    heard = Listener()
    with pytest.raises(SenseLost, match="nobody understands" if words else "has gone"):
        await ScreenSharing({"PATH": str(tmp_path)}).watch(heard.report)
    return [one["presenting"] for one in heard.readings]


async def test_screens_are_told_from_cameras(tmp_path: Path) -> None:
    camera = stream(30, "Video/Source", device_api="v4l2")
    wlroots = stream(31, "Video/Source", node_name="xdg-desktop-portal-wlr")
    music = stream(32, "Stream/Output/Audio")
    gone = [{"id": 31, "info": None}]
    assert await told(tmp_path, [camera, music, {"id": 0}], [wlroots], [camera], gone) == [None, SHARED, None]


async def test_a_camera_is_in_use_while_its_stream_runs(tmp_path: Path) -> None:
    rests, runs = (stream(30, "Video/Source", state, device_api="libcamera") for state in ("suspended", "running"))
    sound = stream(31, "Audio/Source", "running", device_api="alsa")
    assert await told(tmp_path, [rests, sound], [runs], [rests]) == [None, FILMED, None]


async def test_what_nobody_understands(tmp_path: Path) -> None:
    assert await told(tmp_path, words="what\n]") == []


def test_where_it_cannot_be_known(tmp_path: Path, pipewire: PipeWire) -> None:
    assert ScreenSharing({"XDG_RUNTIME_DIR": "/gone"}).unusable() == "there is no PipeWire at /gone/pipewire-0"
    without = {**pipewire.environ, "PATH": str(tmp_path)}
    assert ScreenSharing(without).unusable() == "pw-dump is not installed"
