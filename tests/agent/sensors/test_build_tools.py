"""Where build tools are looked for, and which events of their files matter."""

from __future__ import annotations

from pathlib import Path

from farmhand_agent.sensors.build_tools import COMPILERS, FOLDER, Files, folders, plain
from farmhand_agent.sensors.inotify import Inotify


def test_a_version_is_no_part_of_a_name() -> None:
    assert [plain(one) for one in ("gcc-12", "clang++-16", "gcc-4.8", "make", "x86_64-linux-gn")] == [
        *("gcc", "clang++", "gcc", "make", "x86_64-linux-gn")
    ]


def test_where_programs_are() -> None:
    found = folders({"PATH": "/opt/bin::bin:/usr/bin", "HOME": "/home/anna"}, ["/opt/llvm"])
    assert list(map(str, found)) == [
        *("/opt/bin", "/usr/bin", "/usr/local/bin", "/bin", "/home/anna/.local/bin", "/home/anna/.cargo/bin"),
        *("/opt/llvm", "/opt/llvm/bin"),
    ]
    assert "/.cargo/bin" not in map(str, folders({}))


def test_a_compiler_goes_by_the_longer_name_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "riscv-linux-gcc-12").touch()
    (tmp_path / "gcc").symlink_to("riscv-linux-gcc-12")
    (tmp_path / "ccache").touch()
    (tmp_path / "clang").symlink_to("ccache")
    names = Files(COMPILERS, [tmp_path]).by_process_name()
    assert names["riscv-linux-gcc"] == names["gcc"] == "gcc"
    assert names["clang"] == "clang"
    assert "ccache" not in names


async def concerns(folder: Path, files: Files, *written: str) -> list[bool]:
    """Which of these files, written one after the other, make an event that matters."""
    answers: list[bool] = []
    for name in written:
        with Inotify() as watches:
            watched = files.watched_by(watches)
            watches.add(folder, FOLDER)
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("#!/bin/sh")
            answers.append(any(map(watched.concerns, await watches.events())))
    return answers


async def test_what_matters_in_a_folder(tmp_path: Path) -> None:
    files = Files(["make"], [tmp_path, tmp_path / "later"])
    assert await concerns(tmp_path, files, "other", "make", "make", "later/other", "later/make") == [
        *(False, True, True, True, True)
    ]
