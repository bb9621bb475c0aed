"""What the kernel tells about files."""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path

import pytest

from farmhand_agent.sensors import inotify
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.inotify import Inotify


async def test_files_are_opened_and_appear(tmp_path: Path) -> None:
    film = tmp_path / "film"
    film.touch()
    with Inotify() as watches:
        file, folder = watches.add(film, inotify.OPEN | inotify.CLOSE), watches.add(tmp_path, inotify.APPEARS)
        film.read_text()
        (tmp_path / "a much longer name").touch()
        told = await watches.events()
    assert [(one.watch, one.name) for one in told] == [(file, ""), (file, ""), (folder, "a much longer name")]
    assert [bool(one.mask & inotify.OPEN) for one in told] == [True, False, False]


async def test_waiting_for_what_comes_later(tmp_path: Path) -> None:
    with Inotify() as watches:
        watches.add(tmp_path, inotify.APPEARS)
        waiting = asyncio.create_task(watches.events())
        await asyncio.sleep(0)
        (tmp_path / "new").touch()
        assert [one.name for one in await waiting] == ["new"]


def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    with Inotify() as watches:
        assert watches.add(tmp_path / "nothing", inotify.OPEN) is None


def test_one_thing_has_one_watch(tmp_path: Path) -> None:
    (tmp_path / "gcc-12").touch()
    (tmp_path / "gcc").symlink_to("gcc-12")
    with Inotify() as watches:
        assert watches.add(tmp_path / "gcc", inotify.OPEN) == watches.add(tmp_path / "gcc-12", inotify.OPEN)


def test_the_kernel_gives_no_more(tmp_path: Path) -> None:
    with Inotify() as watches, pytest.raises(SenseLost, match="watches no more files: Invalid argument"):
        watches.add(tmp_path, 0)
    assert os.strerror(ctypes.get_errno())
