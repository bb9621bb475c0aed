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


def built(bench: Bench, name: str) -> Report:
    report = examine(bench, name)
    for way, outcome in report.outcomes.items():
        assert not outcome.status, f"{way}: {outcome.output}"
    farm = report.outcomes["farm"].compiled
    assert farm["remote"] > farm["total"] / 2, "the farm helped"
    return report


def test_xxhash_is_the_same(bench: Bench) -> None:
    assert built(bench, "xxhash").found == {"alone": [], "farm": []}


def test_the_farm_builds_a_kernel_as_well(bench: Bench) -> None:
    built(bench, "kernel")


@pytest.mark.xfail(reason=PREPROCESSED, raises=AssertionError, strict=True)
def test_a_kernel_is_the_same(bench: Bench) -> None:
    assert built(bench, "kernel").found == {"alone": [], "farm": []}
