"""The last line of a build, and the same for programs."""

from __future__ import annotations

import pytest

from farmhand.dispatch.tally import Tally, as_data, lack, summary


def tally(here: int = 0, moved: int = 0, **hosts: int) -> Tally:
    result = Tally()
    for host, files in {"": here, **hosts}.items():
        for _ in range(files):
            result.count(host, 0)
    for _ in range(moved):
        result.count("a", 2)
    return result


def raced(counts: Tally, copies: int, won: int) -> Tally:
    counts.raced, counts.won = copies, won
    return counts


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (tally(), "0 files: 0 here, 1.5 s"),
        (tally(here=1), "1 file: 1 here, 1.5 s"),
        (tally(here=4, a=20, b=10), "34 files: 30 on 2 hosts (a, b), 4 here, 1.5 s"),
        (tally(a=2), "2 files: 2 on 1 host (a), 1.5 s"),
        (tally(a=1, moved=1), "2 files: 2 on 1 host (a), 1 moved, 1.5 s"),
        (raced(tally(here=1, a=1), 3, 2), "2 files: 1 on 1 host (a), 1 here, 3 raced (2 won), 1.5 s"),
        (tally(a=1, b=1, c=1, d=1), "4 files: 4 on 4 hosts, 1.5 s"),
    ],
)
def test_a_build_is_told_in_one_line(counts: Tally, line: str) -> None:
    assert summary(counts, 1.46) == line


def test_programs_get_the_same_as_data() -> None:
    counts = tally(here=1, b=2, a=1, moved=1)
    counts.losses, counts.raced, counts.won = 2, 3, 1
    assert as_data(counts, 1.23456, 9) == {
        "total": 5,
        "remote": 4,
        "local": 1,
        "moved": 1,
        "hosts": {"a": 2, "b": 2},
        "failed_over": 2,
        "raced": 3,
        "races_won": 1,
        "lacked": {},
        "seconds": 1.235,
        "jobs": 9,
    }


@pytest.mark.parametrize(
    ("lacked", "line"),
    [
        ([], ""),
        (["gcc=9"], "1 file could be compiled here only: no host at hand has this machine's GCC"),
        (["gcc=9", "cc=9"], "2 files could be compiled here only: no host at hand has this machine's GCC"),
        (
            ["gcc=9", "tcc=1", "gcc=9"],
            "3 files could be compiled here only: no host at hand has this machine's GCC (2), TCC (1)",
        ),
    ],
)
def test_what_no_host_had_the_compiler_for_is_told_with_its_name(lacked: list[str], line: str) -> None:
    counts = Tally()
    for toolchain in lacked:
        counts.count("", 0, toolchain)
    counts.count("", 0)
    assert lack(counts, lambda toolchain: {"9": "GCC", "1": "TCC"}[toolchain[-1]]) == line
    assert counts.here == len(lacked) + 1


def test_programs_learn_which_toolchain_was_lacking() -> None:
    counts = Tally()
    for toolchain in ("gcc=9", "cc=9", "gcc=9"):
        counts.count("", 0, toolchain)
    assert as_data(counts, 1.0, None)["lacked"] == {"cc=9": 1, "gcc=9": 2}
