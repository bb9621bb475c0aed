"""The last line of a build, and the same for programs."""

from __future__ import annotations

import pytest

from farmhand.dispatch.tally import Tally, as_data, kept, lack, repeated, summary


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
        "kept": {},
        "repeated": 0,
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


def staying(*reasons: str) -> Tally:
    counts = Tally()
    for reason in reasons:
        counts.count("", 0, kept=reason)
    return counts


@pytest.mark.parametrize(
    ("reasons", "line"),
    [
        ([], ""),
        ([""], ""),
        (["-S"], "1 file could not leave this machine: -S (1)"),
        (["-S", "-M", "-M"], "3 files could not leave this machine: -M (2), -S (1)"),
        (["a", "b", "c", "d"], "4 files could not leave this machine: a (1), b (1), c (1), 1 other reason"),
        (list("aabbccdde"), "9 files could not leave this machine: a (2), b (2), c (2), 2 other reasons"),
    ],
)
def test_what_could_not_leave_is_told_with_the_three_most_frequent_reasons(reasons: list[str], line: str) -> None:
    assert kept(staying(*reasons)) == line


def test_whoever_asks_is_told_all_reasons() -> None:
    line = "5 files could not leave this machine: a (2), b (1), c (1), d (1)"
    assert kept(staying(*"aabcd"), all_reasons=True) == line


def test_what_could_not_leave_lacked_no_host() -> None:
    counts = Tally()
    counts.count("", 0, "gcc=9", "-S")
    assert (counts.here, counts.lacked, counts.kept) == (1, {}, {"-S": 1})


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (0, ""),
        (1, "1 file compiled again here, for the compiler had something to say"),
        (2, "2 files compiled again here, for the compiler had something to say"),
    ],
)
def test_what_was_compiled_twice_is_told(files: int, line: str) -> None:
    assert repeated(Tally(repeated=files)) == line


def test_programs_learn_what_could_not_leave_and_what_was_compiled_twice() -> None:
    counts = staying("-S", "-M", "-S")
    counts.repeated = 4
    data = as_data(counts, 1.0, None)
    assert (data["kept"], data["repeated"]) == ({"-M": 1, "-S": 2}, 4)


def test_programs_learn_which_toolchain_was_lacking() -> None:
    counts = Tally()
    for toolchain in ("gcc=9", "cc=9", "gcc=9"):
        counts.count("", 0, toolchain)
    assert as_data(counts, 1.0, None)["lacked"] == {"cc=9": 1, "gcc=9": 2}
