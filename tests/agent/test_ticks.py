"""Looks that fall on the same moment."""

from __future__ import annotations

import asyncio

import pytest

from farmhand_agent.ticks import tick, until_tick


@pytest.mark.parametrize(
    ("now", "next_look"), [(100.0, 105.0), (102.4, 105.0), (102.6, 110.0), (104.999, 110.0), (105.001, 110.0)]
)
def test_the_next_look_is_at_a_multiple_and_not_too_soon(now: float, next_look: float) -> None:
    assert now + until_tick(5.0, now) == pytest.approx(next_look)


def test_rarer_looks_fall_on_those_of_the_more_frequent() -> None:
    now = 1234.5
    assert (now + until_tick(60.0, now)) % 5 == pytest.approx(0.0)


async def test_two_that_began_at_different_moments_look_together() -> None:
    async def look() -> float:
        await tick(0.2)
        await tick(0.2)
        return asyncio.get_running_loop().time()

    early = asyncio.create_task(look())
    await asyncio.sleep(0.03)
    late = asyncio.create_task(look())
    apart = abs(await early - await late)
    assert min(apart, abs(apart - 0.2)) < 0.05
