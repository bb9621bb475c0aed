"""The last line of a build, and the same for programs."""

from __future__ import annotations

import pytest

from farmhand.dispatch.tally import Tally, as_data, summary


def tally(here: int = 0, moved: int = 0, **hosts: int) -> Tally:
    result = Tally()
    for host, files in {"": here, **hosts}.items():
        for _ in range(files):
            result.count(host, 0)
    for _ in range(moved):
        result.count("a", 2)
    return result


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (tally(), "0 files: 0 here, 1.5 s"),
        (tally(here=1), "1 file: 1 here, 1.5 s"),
        (tally(here=4, a=20, b=10), "34 files: 30 on 2 hosts (a, b), 4 here, 1.5 s"),
        (tally(a=2), "2 files: 2 on 1 host (a), 1.5 s"),
        (tally(a=1, moved=1), "2 files: 2 on 1 host (a), 1 moved, 1.5 s"),
        (tally(a=1, b=1, c=1, d=1), "4 files: 4 on 4 hosts, 1.5 s"),
    ],
)
def test_a_build_is_told_in_one_line(counts: Tally, line: str) -> None:
    assert summary(counts, 1.46) == line


def test_programs_get_the_same_as_data() -> None:
    counts = tally(here=1, b=2, a=1, moved=1)
    counts.losses = 2
    assert as_data(counts, 1.23456, 9) == {
        "total": 5,
        "remote": 4,
        "local": 1,
        "moved": 1,
        "hosts": {"a": 2, "b": 2},
        "failed_over": 2,
        "seconds": 1.235,
        "jobs": 9,
    }
