"""The build's command and environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.distcc.commandline import (
    Room,
    compiler_path,
    environment,
    job_count,
    outer_environment,
    with_jobs,
    without_pump,
)

ROOM = Room(remote=8, here=4, cores=4)


@pytest.mark.parametrize(
    ("room", "jobs"),
    [
        (Room(8, 4, 4), 14),
        (Room(9, 4, 4), 16),
        (Room(100, 4, 4), 112),
        (Room(0, 2, 2), 2),
        (Room(4, 0, 2), 5),
        (Room(0, 0, 1), 1),
    ],
)
def test_there_is_a_job_for_each_slot_and_some_in_preparation(room: Room, jobs: int) -> None:
    assert job_count(room) == jobs


@given(st.integers(0, 5000), st.integers(0, 600), st.integers(1, 600))
def test_preparation_never_takes_more_than_twice_the_cores(remote: int, here: int, cores: int) -> None:
    assert remote + here <= job_count(Room(remote, here, cores)) <= max(1, remote + here + 2 * cores)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("make", "make -j9"),
        ("make all", "make -j9 all"),
        ("gmake -C dir", "gmake -j9 -C dir"),
        ("/usr/bin/gmake-4.3 x", "/usr/bin/gmake-4.3 -j9 x"),
        ("mingw32-make x", "mingw32-make -j9 x"),
        ("ninja", "ninja -j9"),
        ("/opt/ninja-1.12 -C out", "/opt/ninja-1.12 -j9 -C out"),
        ("samu", "samu -j9"),
        ("env make", "env make -j9"),
        ("env -i A=B -u C -C d make x", "env -i A=B -u C -C d make -j9 x"),
        ("make -j all", "make -j9 all"),
        ("make --jobs", "make -j9"),
        ("make -kj all", "make -j9 -k all"),
        ("make -f j.mk", "make -j9 -f j.mk"),
        ("make -Cjam", "make -j9 -Cjam"),
    ],
)
def test_make_and_ninja_get_a_number_of_jobs(command: str, expected: str) -> None:
    assert with_jobs(command.split(), 9) == (tuple(expected.split()), 9)


@pytest.mark.parametrize(
    "command",
    [
        "make -j4", "make -j 4", "make --jobs=4", "make --jobs 4", "make -kj4", "make all -j2", "ninja -j 4",
        "ninja -j1", "ninja -j", "cmake --build .", "env", "env -i", "env A=B", "./make.sh", "sh -c make",
        "cargo build",
    ],
)  # fmt: skip
def test_a_number_that_the_user_gave_and_other_programs_are_left_alone(command: str) -> None:
    assert with_jobs(command.split(), 9) == (tuple(command.split()), None)


def test_an_empty_command_stays_empty() -> None:
    assert with_jobs((), 9) == ((), None)


@pytest.mark.parametrize("flags", ["-j4", "j4", "kj", "k -j8 --jobserver-auth=3,4", "--jobs=3", " -j2"])
def test_makeflags_may_hold_the_number_of_jobs(flags: str) -> None:
    assert with_jobs(("make",), 9, flags) == (("make",), None)
    assert with_jobs(("ninja",), 9, flags) == (("ninja", "-j9"), 9)


@pytest.mark.parametrize("flags", ["", "k", "w -- CJ=j", "CJ=j", "--no-print-directory", "-k"])
def test_makeflags_without_it_do_not_matter(flags: str) -> None:
    assert with_jobs(("make",), 9, flags) == (("make", "-j9"), 9)


NAMES, SESSION, LAUNCHER = "/h/names", "/tmp/farmhand-build-x", "/h/farmhand-launcher"


def inside(base: dict[str, str], launcher: str = LAUNCHER) -> dict[str, str]:
    return environment(base, SESSION, NAMES, launcher, 9)


def test_compilers_are_reached_through_the_launcher_and_build_tools_know_the_real_ones() -> None:
    assert inside({"PATH": "/usr/lib/ccache:/usr/bin:/bin", "HOME": "/h"}) == {
        "HOME": "/h",
        "PATH": f"{NAMES}:{SESSION}:/usr/lib/ccache:/usr/bin:/bin",
        "FARMHAND_SESSION": SESSION,
        "CCACHE_PREFIX": LAUNCHER,
        "CCACHE_PATH": "/usr/bin:/bin",
        "CMAKE_PROGRAM_PATH": "/usr/lib/ccache:/usr/bin:/bin",
        "CMAKE_BUILD_PARALLEL_LEVEL": "9",
        "CMAKE_C_COMPILER_LAUNCHER": LAUNCHER,
        "CMAKE_CXX_COMPILER_LAUNCHER": LAUNCHER,
        "CMAKE_OBJC_COMPILER_LAUNCHER": LAUNCHER,
        "CMAKE_OBJCXX_COMPILER_LAUNCHER": LAUNCHER,
    }


@pytest.mark.parametrize("name", ["CCACHE_PREFIX", "CCACHE_PATH", "CMAKE_C_COMPILER_LAUNCHER"])
def test_what_the_user_has_set_stays(name: str) -> None:
    assert inside({"PATH": "/bin", name: "theirs"})[name] == "theirs"


@pytest.mark.parametrize("prefix", ["distcc", "/usr/bin/distcc"])
def test_where_ccache_was_to_call_distcc_it_calls_the_launcher(prefix: str) -> None:
    assert inside({"PATH": "/bin", "CCACHE_PREFIX": prefix})["CCACHE_PREFIX"] == LAUNCHER


def test_ccache_is_not_told_of_a_launcher_whose_path_it_would_split() -> None:
    assert "CCACHE_PREFIX" not in inside({"PATH": "/bin"}, "/h h/launcher")
    assert inside({"PATH": "/bin", "CCACHE_PREFIX": "distcc"}, "/h h/launcher")["CCACHE_PREFIX"] == "distcc"


@pytest.mark.parametrize(("path", "kept"), [("", ""), (":/bin", ":/bin"), ("/bin:", "/bin:"), (None, "/bin:/usr/bin")])
def test_empty_entries_of_path_stay_and_a_missing_one_is_the_systems(path: str | None, kept: str) -> None:
    base = {} if path is None else {"PATH": path}
    assert inside(base)["PATH"] == f"{NAMES}:{SESSION}:{kept}"


@pytest.mark.parametrize("base", [{"PATH": "/usr/bin:/bin"}, {"PATH": ":/bin", "CCACHE_PATH": "/x", "HOME": "/h"}])
def test_without_another_build_the_outer_environment_is_the_environment(base: dict[str, str]) -> None:
    assert outer_environment(base) == base


@pytest.mark.parametrize(
    "base",
    [
        {"PATH": "/usr/bin:/bin", "HOME": "/h"},
        {"PATH": ":/bin:"},
        {"PATH": "/bin", "CMAKE_C_COMPILER_LAUNCHER": "ccache"},
    ],
)
def test_a_build_in_a_build_sees_nothing_of_the_outer_one(base: dict[str, str]) -> None:
    assert outer_environment(inside(base)) == base


def test_another_builds_folders_are_found_behind_others() -> None:
    outer = inside({"PATH": "/bin"})
    assert outer_environment({**outer, "PATH": f"/mine:{outer['PATH']}"})["PATH"] == "/mine:/bin"
    assert outer_environment({**outer, "PATH": "/mine:/bin"})["PATH"] == "/mine:/bin"


@pytest.mark.parametrize("pump", ["pump", "/usr/bin/pump", "distcc-pump"])
def test_pump_mode_is_taken_out(pump: str) -> None:
    assert without_pump((pump, "make", "-k")) == ("make", "-k")


@pytest.mark.parametrize("command", [(), ("pump",), ("pump", "--startup"), ("make", "pump"), ("pumpkin", "make")])
def test_what_is_no_pump_mode_stays(command: tuple[str, ...]) -> None:
    assert without_pump(command) == command


def test_compilers_are_found_past_the_folders_of_links() -> None:
    assert compiler_path("/usr/lib/ccache:/usr/lib/distcc:/opt/x/bin::/usr/bin") == "/opt/x/bin:/usr/bin"
