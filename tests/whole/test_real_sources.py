"""Small real projects are the same with the farm as without; all of them are a long command, `make real`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.whole.real_sources import Report, examine
from tests.whole.stage import Stage
from tests.whole.three_ways import Bench


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Stage(display=False) as stage:
        yield Bench(stage)


@pytest.fixture(scope="module")
def kernel(bench: Bench) -> Report:
    return examine(bench, "kernel")


def share_that_left(report: Report) -> float:
    """The share of files that were compiled elsewhere, 0..1; all builds must have ended well."""
    for way, outcome in report.outcomes.items():
        assert not outcome.status, f"{way}: {outcome.output}"
    farm = report.outcomes["farm"].compiled
    return farm["remote"] / farm["total"]


def test_xxhash_is_the_same(bench: Bench) -> None:
    report = examine(bench, "xxhash")
    assert share_that_left(report) > 0.2, "some of its files choose their own optimization by pragma"
    assert report.found == {"alone": [], "farm": []}


def test_a_kernel_is_built(kernel: Report) -> None:
    assert share_that_left(kernel) > 0.1, "most of its files have warnings, or hold what cannot leave"


def test_a_kernel_is_the_same(kernel: Report) -> None:
    assert not kernel.wrong(), kernel.found
