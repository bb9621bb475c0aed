"""Which compiler a call means, and what a host must have for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fakes.driver_bench import BASE

from farmhand.driver.compilers import Compiler, Compilers
from farmhand.driver.launched import Call
from farmhand.driver.launchers import Launchers


def call(program: str, *words: str, path: str = BASE["PATH"]) -> Call:
    return Call(program, "/", words, {"PATH": path})


@pytest.fixture(scope="module")
def compilers() -> Compilers:
    return Compilers(BASE["PATH"])


@pytest.mark.parametrize(
    ("program", "kind", "name"),
    [
        ("/usr/bin/gcc", "gcc", "gcc"),
        ("/bin/g++", "gcc", "g++"),
        ("/usr/bin/clang", "clang", "clang"),
        ("/usr/bin/clang++", "clang", "clang++"),
    ],
)
def test_a_compiler_is_known_after_a_look(compilers: Compilers, program: str, kind: str, name: str) -> None:
    fresh = Compilers(BASE["PATH"])
    assert fresh.known(program) is None
    seen = fresh.look(program)
    assert (seen.program, seen.kind, seen.name) == (program, kind, name)
    assert seen.needs in compilers.all([name])
    assert fresh.known(program) is seen is fresh.look(program)


@pytest.mark.parametrize("program", ["/bin/true", "/nowhere/gcc", "./gcc", "/usr/bin/ccache", "/usr/lib/ccache/gcc"])
def test_what_is_no_compiler_has_no_kind_and_needs_nothing(compilers: Compilers, program: str) -> None:
    seen = compilers.look(program)
    assert (seen.kind, seen.needs) == (None, "")


def test_a_compiler_elsewhere_is_called_by_its_path(compilers: Compilers, tmp_path: Path) -> None:
    program = str(tmp_path / "gcc")
    (tmp_path / "gcc").symlink_to("/usr/bin/gcc")
    seen = compilers.look(program)
    assert isinstance(seen, Compiler)
    assert (seen.kind, seen.name) == ("gcc", program)
    assert seen.needs == f"{program}={compilers.look('/usr/bin/gcc').needs.partition('=')[2]}"


def test_compilers_are_told_of_past_ccaches_links() -> None:
    assert Compilers(f"/usr/lib/ccache:{BASE['PATH']}").all(["gcc"]) == Compilers(BASE["PATH"]).all(["gcc"]) != ()
    assert Compilers(BASE["PATH"]).all(["nowhere"]) == ()


def test_a_compiler_is_called_as_it_is(compilers: Compilers) -> None:
    assert compilers.behind(call("/usr/bin/gcc", "gcc", "-c")) == ("/usr/bin/gcc", ("gcc", "-c"))
    assert compilers.behind(call("./gcc", "./gcc", "-c")) == ("./gcc", ("./gcc", "-c"))


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("/usr/bin/distcc", "distcc gcc -c"),
        ("/usr/lib/distcc/gcc", "gcc -c"),
        ("/usr/lib/distcc/gcc", "/usr/lib/distcc/gcc -c"),
        ("/usr/bin/distcc", "distcc /usr/lib/distcc/gcc -c"),
    ],
)
@pytest.mark.parametrize("front", ["", "/usr/lib/ccache:", "/usr/lib/distcc:", "names", ".:", ":"])
def test_distcc_means_the_compiler_behind_it(
    compilers: Compilers, launchers: Launchers, program: str, words: str, front: str
) -> None:
    path = (f"{launchers.names}:/tmp/farmhand-build-x:" if front == "names" else front) + BASE["PATH"]
    assert compilers.behind(call(program, *words.split(), path=path)) == ("/usr/bin/gcc", ("gcc", "-c"))


def test_a_compiler_that_distcc_is_given_by_its_path_is_called_by_it(compilers: Compilers) -> None:
    told = call("/usr/bin/distcc", "distcc", "/bin/gcc", "-c")
    assert compilers.behind(told) == ("/bin/gcc", ("/bin/gcc", "-c"))


def test_a_launcher_that_is_called_by_its_path_means_its_name(compilers: Compilers, launchers: Launchers) -> None:
    named = str(launchers.names / "gcc")
    assert compilers.behind(call("/usr/bin/distcc", "distcc", named, "-c")) == ("/usr/bin/gcc", ("gcc", "-c"))


@pytest.mark.parametrize(
    "words", ["distcc", "distcc --version", "distcc -c a.c", "distcc nowhere -c", "distcc ./gcc -c"]
)
def test_distcc_without_a_compiler_runs_itself(compilers: Compilers, words: str) -> None:
    assert compilers.behind(call("/usr/bin/distcc", *words.split())) == ("/usr/bin/distcc", tuple(words.split()))


def test_the_tools_are_there() -> None:
    """What the tests above take for granted on Debian."""
    assert os.path.realpath("/usr/lib/distcc/gcc") == shutil.which("distcc", path=BASE["PATH"])
