"""Small real projects are the same with the farm as without; all of them are a long command, `make real`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.whole.real_sources import Report, examine
from tests.whole.stage import Stage
from tests.whole.three_ways import Bench

PREPROCESSED = "what distcc compiles was preprocessed, so debug information and warnings differ"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Stage(display=False) as stage:
        yield Bench(stage)


@pytest.fixture(scope="module")
def kernel(bench: Bench) -> Report:
    return examine(bench, "kernel")


def ends_well(report: Report) -> bool:
    """Whether all builds ended well, and most of one on the farm."""
    for way, outcome in report.outcomes.items():
        assert not outcome.status, f"{way}: {outcome.output}"
    farm = report.outcomes["farm"].compiled
    return farm["remote"] > farm["total"] / 2


def test_xxhash_is_the_same(bench: Bench) -> None:
    report = examine(bench, "xxhash")
    assert ends_well(report)
    assert report.found == {"alone": [], "farm": []}


def test_a_kernel_is_built(kernel: Report) -> None:
    assert ends_well(kernel)


@pytest.mark.xfail(reason=PREPROCESSED, raises=AssertionError, strict=True)
def test_a_kernel_is_the_same(kernel: Report) -> None:
    assert kernel.found == {"alone": [], "farm": []}
