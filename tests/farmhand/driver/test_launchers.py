"""The launcher is compiled once, and names of compilers lead to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from fakes.driver_bench import BASE

from farmhand.driver.launchers import Launchers, compiler_names, prepare
from farmhand.errors import OwnerError


class Programs:
    """A folder of programs that may stand in PATH."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder

    def program(self, name: str, target: str = "/bin/true") -> None:
        (self.folder / name).symlink_to(target)

    def __str__(self) -> str:
        return str(self.folder)


COMPILERS = (
    "cc",
    "gcc",
    "g++",
    "c++",
    "clang",
    "clang++-14",
    "x86_64-linux-gnu-gcc-12",
    "arm-none-eabi-g++",
    "c89-gcc",
)
OTHERS = ("gccgo", "gcc-ar", "gcov", "clangd", "clang-format", "ccmake", "c++filt", "cpp", "make", "distccd", "ccache")


def test_compilers_are_known_by_their_names(tmp_path: Path) -> None:
    folder = Programs(tmp_path / "bin")
    for name in (*COMPILERS, *OTHERS, "distcc", "pump"):
        folder.program(name)
    assert set(compiler_names(f"/nowhere:{folder}")) == {*COMPILERS, "distcc", "pump"}


def test_what_cannot_be_run_is_no_compiler(tmp_path: Path) -> None:
    folder = Programs(tmp_path / "bin")
    (folder.folder / "gcc").mkdir()
    (folder.folder / "cc").touch(mode=0o644)
    folder.program("clang", "/nowhere/clang")
    assert compiler_names(str(folder)) == ()


def test_a_name_counts_as_what_comes_first_in_path(tmp_path: Path) -> None:
    cache, real = Programs(tmp_path / "links"), Programs(tmp_path / "bin")
    real.program("gcc")
    real.program("clang")
    real.program("ccache")
    cache.program("gcc", str(real.folder / "ccache"))
    (real.folder / "ccache").unlink()
    shutil.copy("/bin/true", real.folder / "ccache")
    assert compiler_names(f"{cache}:{real}") == ("clang",), "ccache calls gcc itself"
    assert compiler_names(f"{real}:{cache}") == ("clang", "gcc")


def test_an_empty_entry_is_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Programs(tmp_path / "bin").program("gcc")
    monkeypatch.chdir(tmp_path / "bin")
    assert compiler_names("/nowhere:") == ("gcc",)


def test_the_distributions_names_lead_to_a_launcher_that_works(launchers: Launchers) -> None:
    assert {"gcc", "cc", "g++", "clang"} <= set(launchers.compilers)
    assert not {"distcc", "pump", "distcc-pump"} & set(launchers.compilers)
    assert (launchers.names / "gcc").resolve() == launchers.launcher.resolve()
    path = f"{launchers.names}:{BASE['PATH']}"
    called = subprocess.run(["gcc", "-dumpmachine"], env=BASE | {"PATH": path}, capture_output=True, text=True)
    assert (called.returncode, called.stderr) == (0, "")


def test_nothing_is_made_twice(launchers: Launchers) -> None:
    before = {path: path.lstat().st_mtime_ns for path in launchers.launcher.parents[1].rglob("*")}
    assert prepare(BASE["PATH"]) == launchers
    assert {path: path.lstat().st_mtime_ns for path in launchers.launcher.parents[1].rglob("*")} == before


def test_a_launcher_that_was_removed_is_made_again_at_the_same_place(tmp_path: Path) -> None:
    first = prepare(BASE["PATH"], tmp_path)
    shutil.rmtree(first.launcher.parent)
    assert prepare(BASE["PATH"], tmp_path) == first
    assert os.access(first.names / "gcc", os.X_OK)


def test_other_compilers_have_names_of_their_own(tmp_path: Path) -> None:
    first = prepare(BASE["PATH"], tmp_path)
    more = Programs(tmp_path / "opt")
    more.program("riscv-gcc", "/usr/bin/gcc")
    second = prepare(f"{BASE['PATH']}:{more}", tmp_path)
    assert (second.launcher, second.names == first.names) == (first.launcher, False)
    assert (second.names / "riscv-gcc").exists()
    assert not (first.names / "riscv-gcc").exists()


def test_many_builds_may_begin_at_once(tmp_path: Path) -> None:
    made: list[Launchers] = []
    threads = [threading.Thread(target=lambda: made.append(prepare(BASE["PATH"], tmp_path))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [made[0]] * 6
    assert sorted(path.name for path in made[0].launcher.parent.iterdir()) == ["farmhand-launcher"]
    assert [path for path in made[0].names.parent.iterdir() if path != made[0].names] == []


@pytest.mark.parametrize("front", ["/usr/lib/ccache", "/usr/lib/distcc"])
def test_the_launcher_is_compiled_past_folders_of_links(tmp_path: Path, front: str) -> None:
    made = prepare(f"{front}:{BASE['PATH']}", tmp_path)
    assert os.access(made.launcher, os.X_OK)
    assert "gcc" in made.compilers
    assert (made.names / "gcc").exists() == (front == "/usr/lib/distcc"), "ccache is called first, and calls gcc"


def test_a_compiler_that_fails_or_makes_what_does_not_run_is_passed_over(tmp_path: Path) -> None:
    folder = Programs(tmp_path / "bin")
    for name, script in (
        ("cc", "exit 1"),
        ("clang", 'while [ "$1" != -o ]; do shift; done; echo "exit 3" > "$2"; chmod +x "$2"'),
        ("gcc", ""),
    ):
        (folder.folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder.folder / name).chmod(0o755)
    with pytest.raises(OwnerError, match="no compiler in PATH can compile the launcher"):
        prepare(str(folder), tmp_path / "data")
    assert prepare(f"{folder}:{BASE['PATH']}", tmp_path / "data").launcher.exists()


@pytest.mark.parametrize("path", ["", "/nowhere", "/dev/null"])
def test_without_a_compiler_there_is_no_launcher(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OwnerError, match="no compiler in PATH"):
        prepare(path, tmp_path / "data")


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OwnerError, match="cannot keep the compiler launcher in"):
        prepare(BASE["PATH"], tmp_path / "file")
    good = prepare(BASE["PATH"], tmp_path / "data")
    shutil.rmtree(good.names.parent)
    good.names.parent.touch()
    with pytest.raises(OwnerError, match="cannot make the folder"):
        prepare(BASE["PATH"], tmp_path / "data")
    with pytest.raises(OwnerError, match="its name has a colon"):
        prepare(BASE["PATH"], tmp_path / "a:b")
