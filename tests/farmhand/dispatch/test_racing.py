"""How long a compile usually takes, and what is much longer."""

from __future__ import annotations

import pytest

from farmhand.dispatch.racing import ENOUGH, LATE, LATEST, SHORTEST_LATE, SHORTEST_SLOW, UNKNOWN, Usual


def usual(*seconds: float, speed: float = 1.0) -> Usual:
    result = Usual()
    for one in seconds:
        result.note(one, speed)
    return result


def test_before_some_jobs_have_ended_nothing_is_usual() -> None:
    early = usual(*[30.0] * (ENOUGH - 1))
    assert (early.most, early.slow_after(1.0), early.late_after(1.0)) == (None, UNKNOWN, UNKNOWN)
    early.note(30.0, 1.0)
    assert (early.most, early.slow_after(1.0), early.late_after(1.0)) == (30.0, 30.0, LATE * 30.0)


@pytest.mark.parametrize(("long", "most"), [(5, 40.0), (4, 2.0)])
def test_one_in_twenty_may_take_long_without_being_usual(long: int, most: float) -> None:
    assert usual(*[2.0] * (100 - long), *[40.0] * long).most == most


def test_a_fast_slot_does_the_usual_work_sooner() -> None:
    for known in (usual(*[30.0] * ENOUGH), usual(*[10.0] * ENOUGH, speed=3.0)):
        assert (known.slow_after(2.0), known.late_after(2.0)) == (15.0, 45.0)


def test_seconds_are_never_long() -> None:
    trivial = usual(*[0.01] * ENOUGH)
    assert (trivial.slow_after(1.0), trivial.late_after(1.0)) == (SHORTEST_SLOW, SHORTEST_LATE)


def test_what_was_long_ago_is_forgotten() -> None:
    known = usual(*[30.0] * LATEST, *[2.0] * (LATEST - 1))
    assert known.most == 2.0
    assert usual(*[30.0] * LATEST, *[2.0] * (LATEST // 2)).most == 30.0
