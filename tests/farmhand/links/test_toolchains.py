"""Fingerprints of real compilers, of broken ones, and of those that change."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest
from fakes.procfs import lives
from fakes.waiting import until

from farmhand.distcc.commandline import MASQUERADE
from farmhand.distcc.toolchain import announced, titles
from farmhand.links import toolchains
from farmhand.links.machine_id import machine_key
from farmhand.links.toolchains import WRAPPERS, Toolchains, fingerprints


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that big files are read once."""
    return tmp_path_factory.mktemp("cache") / "toolchains.json"


@pytest.fixture(scope="module")
def real(cache: Path) -> dict[str, str]:
    """The fingerprints of this machine."""
    return fingerprints(cache=cache)


class Compilers:
    """A folder with compilers of one's own; each says what a gcc would say.

    The stand-in's compiler proper is `cc1` in the same folder.
    """

    def __init__(self, folder: Path) -> None:
        self.names = folder / "names"
        self.bin = folder / "bin"
        self.asked = folder / "asked"
        self.cache = folder / "cache.json"
        for made in (self.names, self.bin):
            made.mkdir(parents=True)
        for part in ("cc1", "cc1plus", "as"):
            self.program(part, f"# {part}")

    def program(self, name: str, script: str) -> Path:
        made = self.bin / name
        made.unlink(missing_ok=True)
        made.write_text(f"#!/bin/sh\n{script}\n")
        made.chmod(0o755)
        return made

    def gcc(self, name: str, version: str = "9.1.0", extra: str = "") -> None:
        """Add a compiler that is known to distcc."""
        self.accept(name)
        self.program(
            name,
            f"""{extra}
            echo "$@" >> {self.asked}
            case "$1" in
                -dumpmachine) echo toy-linux-gnu ;;
                -dump*) echo {version} ;;
                -print-prog-name=as) echo as ;;
                -print-prog-name=cc1plus) [ -e {self.bin}/cc1plus ] && echo {self.bin}/cc1plus || echo cc1plus ;;
                -print-prog-name=*) echo {self.bin}/cc1 ;;
            esac""",
        )

    def accept(self, name: str) -> None:
        (self.names / name).symlink_to("../bin/distcc")

    def found(self) -> dict[str, str]:
        return fingerprints(self.names, f"{self.bin}:/usr/bin:/bin", cache=self.cache)

    def times_asked(self) -> int:
        return len(self.asked.read_text().splitlines()) if self.asked.exists() else 0


@pytest.fixture
def compilers(tmp_path: Path) -> Compilers:
    return Compilers(tmp_path)


def test_the_machines_compilers_have_fingerprints(real: dict[str, str]) -> None:
    version = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    target = subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True, check=True).stdout.strip()
    assert real["gcc"].startswith(f"gcc-{version}-{target}-")
    assert real["g++"].startswith(f"g++-{version}-{target}-")
    assert f"gcc {version}" in titles(announced(real))


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
def test_clang_is_known_by_what_it_loads(real: dict[str, str], cache: Path) -> None:
    assert real["clang"].startswith("clang-")
    assert real["clang"] != real["gcc"]
    assert "libLLVM" in cache.read_text()


def test_names_of_one_program_have_one_fingerprint(real: dict[str, str]) -> None:
    for name, fingerprint in real.items():
        program = os.path.realpath(shutil.which(name, path="/usr/bin:/bin") or "")
        same = [other for other in real if os.path.realpath(shutil.which(other, path="/usr/bin:/bin") or "") == program]
        assert {real[other] for other in same} == {fingerprint}
    assert set(real) <= set(os.listdir(MASQUERADE))


def test_the_second_look_costs_next_to_nothing(real: dict[str, str], cache: Path) -> None:
    costs: list[float] = []
    for _ in range(9):
        before = time.perf_counter()
        assert fingerprints(cache=cache) == real
        costs.append(time.perf_counter() - before)
    assert min(costs) < 0.05, "asking one compiler would cost more"


def test_a_compiler_is_asked_once(compilers: Compilers) -> None:
    compilers.gcc("gcc")
    first = compilers.found()
    asked = compilers.times_asked()
    assert list(first) == ["gcc"]
    assert first["gcc"].startswith("gcc-9.1.0-toy-linux-gnu-")
    assert asked > 0
    assert compilers.found() == first
    assert compilers.times_asked() == asked


@pytest.mark.parametrize("part", ["gcc", "cc1", "cc1plus", "as"])
def test_another_program_under_the_same_name_is_another_compiler(compilers: Compilers, part: str) -> None:
    compilers.gcc("gcc")
    before = compilers.found()["gcc"]
    with (compilers.bin / part).open("a") as script:
        script.write("# one byte more\n")
    after = compilers.found()["gcc"]
    assert after != before
    assert after.rpartition("-")[0] == before.rpartition("-")[0], "what people read is the same"


def test_a_change_that_keeps_the_size_is_seen(compilers: Compilers) -> None:
    compilers.gcc("gcc")
    before = compilers.found()["gcc"]
    compilers.program("cc1", "# CC1")
    assert compilers.found()["gcc"] != before


def test_a_compiler_that_says_something_else_after_an_upgrade_is_asked_anew(compilers: Compilers) -> None:
    compilers.gcc("gcc")
    compilers.found()
    (compilers.names / "gcc").unlink()
    compilers.gcc("gcc", version="9.2.0")
    assert compilers.found()["gcc"].startswith("gcc-9.2.0-")


def test_what_a_compiler_lacked_counts_when_it_is_installed(compilers: Compilers) -> None:
    (compilers.bin / "cc1plus").unlink()
    compilers.gcc("gcc")
    without = compilers.found()["gcc"]
    compilers.program("cc1plus", "# cc1plus")
    assert compilers.found()["gcc"] != without


def test_equal_compilers_of_two_machines_have_equal_fingerprints(tmp_path: Path) -> None:
    """Where a compiler lies does not matter; the stand-ins differ by their folder's name, so they are made alike."""
    found: list[dict[str, str]] = []
    for machine in ("one", "two"):
        folder = tmp_path / machine
        (folder / "names").mkdir(parents=True)
        (folder / "names" / "gcc").touch()
        (folder / "bin").mkdir()
        for part in ("cc1", "cc1plus", "as"):
            (folder / "bin" / part).write_text(part)
            (folder / "bin" / part).chmod(0o755)
        driver = folder / "bin" / "gcc"
        driver.write_text(
            '#!/bin/sh\ncase "$1" in -dump*) echo 1 ;; *=as) echo as ;; *) echo "${0%/*}/${1#*=}" ;; esac\n'
        )
        driver.chmod(0o755)
        found.append(fingerprints(folder / "names", f"{folder / 'bin'}:/bin", cache=folder / "cache"))
    assert found[0] == found[1]
    assert list(found[0]) == ["gcc"]


@pytest.mark.parametrize(
    "script",
    [
        "exit 1",
        "kill -9 $$",
        "echo",
        "echo nonsense",
        'case "$1" in -dump*) echo 1 ;; *) echo /nowhere/cc1 ;; esac',
        'case "$1" in --version) echo "clang version 9" ; exit 1 ;; -dump*) echo 1 ;; *) exit 1 ;; esac',
        "head -c 100000 /dev/urandom",
    ],
)
def test_a_broken_compiler_is_left_out(compilers: Compilers, script: str) -> None:
    compilers.gcc("gcc")
    compilers.accept("cc")
    compilers.program("cc", script)
    assert list(compilers.found()) == ["gcc"]


def test_what_cannot_be_run_at_all_is_left_out(compilers: Compilers) -> None:
    for name in ("empty", "missing", "folder", "loop"):
        compilers.accept(name)
    (compilers.bin / "empty").touch(0o755)
    (compilers.bin / "folder").mkdir()
    (compilers.bin / "loop").symlink_to("loop")
    (compilers.names / "odd\udcff").touch()
    assert compilers.found() == {}


def test_a_wrapper_is_no_compiler(compilers: Compilers) -> None:
    compilers.gcc("ccache")
    compilers.accept("gcc")
    (compilers.bin / "gcc").symlink_to("ccache")
    assert compilers.found() == {}


def test_a_compiler_that_does_not_answer_is_ended_with_all_that_it_started(
    compilers: Compilers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchains, "ASK_WITHIN", 0.3)
    pids = compilers.bin / "pids"
    compilers.gcc("gcc", extra=f"sleep 100 & echo $! >> {pids}; wait")
    before = time.monotonic()
    assert compilers.found() == {}
    assert time.monotonic() - before < 50
    until(lambda: not any(lives(int(pid)) for pid in pids.read_text().split()))


def test_without_distccs_folder_nothing_is_known(tmp_path: Path) -> None:
    assert fingerprints(tmp_path / "missing", cache=tmp_path / "cache") == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": {"/bin/gcc": 1}}', b"\xff"])
def test_a_spoilt_cache_is_made_anew(compilers: Compilers, content: bytes) -> None:
    compilers.gcc("gcc")
    expected = compilers.found()
    compilers.cache.write_bytes(content)
    assert compilers.found() == expected
    assert b"toy-linux-gnu" in compilers.cache.read_bytes()


def test_without_a_place_for_the_cache_all_works_the_same(compilers: Compilers) -> None:
    compilers.gcc("gcc")
    compilers.cache.mkdir()
    first = compilers.found()
    assert list(first) == ["gcc"]
    assert compilers.found() == first
    assert list(compilers.cache.parent.glob("cache.json.*")) == []


def test_the_usual_cache_is_the_users_alone(
    compilers: Compilers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    compilers.gcc("gcc")
    fingerprints(compilers.names, str(compilers.bin))
    kept = tmp_path / "user" / "farmhand" / machine_key(socket.gethostname()) / "toolchains.json"
    assert kept.is_file()
    for folder in (kept.parent, kept.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_cache_folder_that_cannot_be_used_is_done_without(
    compilers: Compilers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    compilers.gcc("gcc")
    assert list(fingerprints(compilers.names, f"{compilers.bin}:/bin")) == ["gcc"]


def test_the_cache_does_not_grow_for_ever(compilers: Compilers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchains, "MAX_REMEMBERED", 2)
    for number in range(6):
        compilers.gcc(f"gcc-{number}")
    assert len(compilers.found()) == 6
    assert compilers.cache.read_text().count("toy-linux-gnu") == 2


def test_compilers_in_opened_folders_count_by_their_path(compilers: Compilers) -> None:
    compilers.gcc("gcc")
    found = fingerprints(
        compilers.names, "/nowhere", others=(str(compilers.bin), str(compilers.bin.parent)), cache=compilers.cache
    )
    assert list(found) == [f"{compilers.bin}/gcc"]


def test_many_compilers_are_fingerprinted_and_remembered(compilers: Compilers) -> None:
    compilers.gcc("gcc")
    path = f"{compilers.bin}:/usr/bin:/bin"
    found = Toolchains(path, compilers.cache).fingerprints(["gcc", "nowhere", str(compilers.bin / "gcc")])
    assert found["gcc"] == found[str(compilers.bin / "gcc")] != ""
    assert found["nowhere"] == ""
    asked = compilers.times_asked()
    assert Toolchains(path, compilers.cache).fingerprints(["gcc"]) == {"gcc": found["gcc"]}
    assert compilers.times_asked() == asked


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_stands_in_front_of_compilers_has_no_fingerprint(compilers: Compilers, wrapper: str) -> None:
    compilers.gcc(wrapper)
    (compilers.bin / "gcc").symlink_to(wrapper)
    assert Toolchains(f"{compilers.bin}:/bin").fingerprint("gcc") == ""


@pytest.mark.parametrize("name", ["", "nowhere", "./gcc", "gcc\0", "/", "/nowhere/gcc", "../gcc"])
def test_what_is_no_compiler_has_no_fingerprint(name: str) -> None:
    assert Toolchains().fingerprint(name) == ""


def test_a_relative_folder_in_path_does_not_count(compilers: Compilers, monkeypatch: pytest.MonkeyPatch) -> None:
    compilers.gcc("gcc")
    monkeypatch.chdir(compilers.bin)
    assert Toolchains(".").fingerprint("gcc") == ""
    assert Toolchains(str(compilers.bin)).fingerprint(str(compilers.bin / "gcc")) != ""
