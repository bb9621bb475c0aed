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
    uses_ccache,
    with_jobs,
    without_folder,
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


def test_distcc_is_pointed_at_the_connector_and_stays_quiet() -> None:
    result = environment({"PATH": "/usr/bin:/bin", "HOME": "/h"}, 4321, "/tmp/x", ROOM)
    assert result == {
        "HOME": "/h",
        "PATH": "/usr/lib/distcc:/usr/bin:/bin",
        "DISTCC_HOSTS": "--localslots=4 --localslots_cpp=8 127.0.0.1:4321/1000",
        "DISTCC_DIR": "/tmp/x",
        "DISTCC_LOG": "/tmp/x/log",
        "DISTCC_FALLBACK": "1",
        "DISTCC_BACKOFF_PERIOD": "1",
        "DISTCC_PAUSE_TIME_MSEC": "10",
    }


def test_more_cores_preprocess_more_files() -> None:
    assert "--localslots_cpp=32" in environment({}, 1, "/tmp/x", Room(8, 4, 16))["DISTCC_HOSTS"]


@pytest.mark.parametrize(
    "name",
    [
        "DISTCC_SKIP_LOCAL_RETRY",
        "DISTCC_POTENTIAL_HOSTS",
        "DISTCC_IO_TIMEOUT",
        "DISTCC_VERBOSE",
        "DISTCC_TCP_CORK",
        "INCLUDE_SERVER_PORT",
    ],
)
def test_settings_that_break_the_promise_are_dropped(name: str) -> None:
    assert name not in environment({"PATH": "/bin", name: "1"}, 1, "/tmp/x", ROOM)


def test_the_masquerade_folder_stands_once_and_first() -> None:
    base = {"PATH": "/home/u/bin:/usr/lib/distcc/:/usr/bin"}
    assert environment(base, 1, "/tmp/x", ROOM)["PATH"] == "/usr/lib/distcc:/home/u/bin:/usr/bin"
    assert environment({}, 1, "/tmp/x", ROOM)["PATH"] == "/usr/lib/distcc"


def test_without_a_masquerade_folder_the_path_stays() -> None:
    assert environment({"PATH": "/usr/bin"}, 1, "/tmp/x", ROOM, masquerade="")["PATH"] == "/usr/bin"


@pytest.mark.parametrize(
    "base",
    [
        {"PATH": "/usr/lib/ccache:/bin"},
        {"PATH": "/bin", "CC": "ccache gcc"},
        {"PATH": "/bin", "CXX": "/opt/bin/ccache g++"},
    ],
)
def test_ccache_calls_distcc_itself(base: dict[str, str]) -> None:
    assert uses_ccache(base)
    result = environment(base, 1, "/tmp/x", ROOM)
    assert result["CCACHE_PREFIX"] == "distcc"
    assert result["PATH"] == base["PATH"]


def test_with_ccache_the_masquerade_folder_is_left_out() -> None:
    assert (
        environment({"PATH": "/usr/lib/ccache:/usr/lib/distcc:/bin"}, 1, "/tmp/x", ROOM)["PATH"]
        == "/usr/lib/ccache:/bin"
    )


@pytest.mark.parametrize("base", [{}, {"PATH": "/bin:/usr/lib/ccache"}, {"CC": "gcc"}, {"CC": ""}])
def test_ccache_is_not_guessed(base: dict[str, str]) -> None:
    assert not uses_ccache(base)


def test_compilers_are_found_past_the_folders_of_links() -> None:
    assert compiler_path("/usr/lib/ccache:/usr/lib/distcc:/opt/x/bin::/usr/bin") == "/opt/x/bin:/usr/bin"


def test_no_folder_is_taken_out_of_a_path_for_the_empty_name() -> None:
    assert without_folder("/a::/b", "") == "/a::/b"
