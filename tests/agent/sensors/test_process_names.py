"""Processes by their names, real ones and some on paper."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from farmhand_agent.sensors.process_names import Process, age, lives_outside, parents, running, status

STAT = "7 (a ) b) S 1 " + "0 " * 17 + "{} 0 0\n"


def proc(root: Path, pid: int, name: str, state: str = "S (sleeping)", numbers: str = "", parent: int = 1) -> None:
    folder = root / str(pid)
    folder.mkdir()
    (folder / "comm").write_text(name + "\n")
    lines = {"Name": name, "State": state, "Tgid": pid, "PPid": parent, "NSpid": numbers or pid}
    (folder / "status").write_text("".join(f"{key}:\t{value}\n" for key, value in lines.items()))


def test_the_newest_first_and_nobody_in_a_container(tmp_path: Path) -> None:
    proc(tmp_path, 9, "make")
    proc(tmp_path, 10, "make")
    proc(tmp_path, 11, "make", numbers="11\t3")
    proc(tmp_path, 12, "make", state="Z (zombie)")
    proc(tmp_path, 13, "emacs")
    (tmp_path / "14").mkdir()
    (tmp_path / "sys").mkdir()
    assert list(running({"make"}, tmp_path)) == [Process(10, "make"), Process(9, "make")]
    assert list(running({"make"}, tmp_path, newest=5)) == [Process(10, "make")]
    (tmp_path / "loadavg").write_text("0.1 0.1 0.1 1/100 9\n")
    assert list(running({"make"}, tmp_path)) == [Process(9, "make"), Process(10, "make")]
    assert list(running({"make"}, tmp_path, newest=1)) == [Process(9, "make")]
    assert list(running({"ma"}, tmp_path, lambda name: name[:2])) == [Process(9, "make"), Process(10, "make")]


async def test_a_thread_is_no_process() -> None:
    thread = await asyncio.to_thread(lambda: (one := threading.get_native_id(), lives_outside(one)))
    assert thread[0] != os.getpid()
    assert not thread[1]
    assert lives_outside(os.getpid())


def test_what_has_ended(tmp_path: Path) -> None:
    assert not lives_outside(7, tmp_path)
    assert status(7, tmp_path) == {}
    assert age(7, tmp_path) == 0.0
    with pytest.raises(OSError, match="No such file"):
        list(running({"make"}, tmp_path / "gone"))


def test_ancestors(tmp_path: Path) -> None:
    proc(tmp_path, 1, "init", parent=0)
    proc(tmp_path, 5, "sh")
    proc(tmp_path, 6, "make", parent=5)
    assert list(parents(6, tmp_path)) == [6, 5, 1]
    assert os.getppid() in parents(os.getpid())


def test_age(tmp_path: Path) -> None:
    assert 0 < age(os.getpid()) < time.clock_gettime(time.CLOCK_BOOTTIME)
    (tmp_path / "7").mkdir()
    started = time.clock_gettime(time.CLOCK_BOOTTIME) - 30
    (tmp_path / "7/stat").write_text(STAT.format(int(started * os.sysconf("SC_CLK_TCK"))))
    assert 29.9 < age(7, tmp_path) < 60
