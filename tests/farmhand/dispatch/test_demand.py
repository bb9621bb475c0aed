"""Demand follows a burst at once and a lull slowly."""

from __future__ import annotations

from farmhand.dispatch.demand import SPAN, Demand


def test_a_burst_counts_at_once_and_is_remembered_for_one_more_span() -> None:
    demand = Demand()
    assert demand.note(1, 0.0) == 1
    assert demand.note(9, 1.0) == 9
    assert demand.note(0, 2.0) == 9
    assert demand.note(2, SPAN) == 9
    assert demand.note(1, 2 * SPAN) == 2
    assert demand.note(0, 3 * SPAN) == 1


def test_a_long_silence_is_no_demand() -> None:
    demand = Demand()
    assert demand.note(9, 0.0) == 9
    assert demand.note(1, 2 * SPAN) == 1
