"""Who uses a camera: real processes and events, with plain files in place of the devices that this machine lacks."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from fakes.listener import watching

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.camera import KEEPERS, Camera

CALL = "sleep uses the camera"


def call(camera: Path, program: str = "sleep") -> subprocess.Popen[bytes]:
    """A program that holds a camera open."""
    with camera.open("rb") as device:
        return subprocess.Popen([program, "60"], stdin=device)


def hang_up(program: subprocess.Popen[bytes]) -> None:
    program.kill()
    program.wait()


async def test_a_call_begins_and_ends(tmp_path: Path) -> None:
    camera = tmp_path / "video0"
    camera.touch()
    sensor = Camera(tmp_path, settle=0.05)
    assert sensor.unusable() is None
    async with watching(sensor) as heard:
        await heard.until(lambda: heard.readings == [{"presenting": None}])
        camera.read_bytes()  # a program lists the cameras
        calling = call(camera)
        await heard.until_seen(presenting=CALL)
        hang_up(calling)
        await heard.until_seen(presenting=None)
    assert [one["presenting"] for one in heard.readings] == [None, CALL, None]


async def test_a_camera_is_plugged_in_and_out(tmp_path: Path) -> None:
    camera = tmp_path / "video1"
    async with watching(Camera(tmp_path, settle=0.05)) as heard:
        await heard.until(lambda: heard.readings == [{"presenting": None}])
        (tmp_path / "sda").touch()
        camera.touch()
        calling = call(camera)
        await heard.until_seen(presenting=CALL)
        hang_up(calling)
        camera.unlink()
        await heard.until_seen(presenting=None)


async def test_a_call_that_began_before(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    calling = await asyncio.to_thread(call, tmp_path / "video0")
    async with watching(Camera(tmp_path)) as heard:
        await heard.until_seen(presenting=CALL)
    hang_up(calling)


@pytest.mark.parametrize("keeper", sorted(KEEPERS))
async def test_a_camera_that_pipewire_keeps_open_is_not_in_use(tmp_path: Path, keeper: str) -> None:
    camera, program = tmp_path / "video0", tmp_path / keeper
    camera.touch()
    program.symlink_to(shutil.which("sleep") or "")
    kept = await asyncio.to_thread(call, camera, str(program))
    async with watching(Camera(tmp_path, settle=0.05)) as heard:
        await heard.until(lambda: heard.readings == [{"presenting": None}])
        calling = call(camera)
        await heard.until_seen(presenting=CALL)
        hang_up(calling)
        await heard.until_seen(presenting=None)
    hang_up(kept)


async def test_no_devices(tmp_path: Path) -> None:
    nothing = Camera(tmp_path / "gone")
    assert nothing.unusable() == f"there is no {tmp_path / 'gone'}"
    with pytest.raises(SenseLost, match="there is no"):
        await nothing.watch(lambda _: None)
