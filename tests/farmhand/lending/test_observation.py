"""What senses report becomes one observation."""

from __future__ import annotations

from dataclasses import fields

import pytest

from farmhand.lending.observation import Choice, Ending, Observation, Reading, Wish


def test_at_first_nothing_is_known() -> None:
    seen = Observation()
    assert seen.choice == Choice(Wish.AUTO, None)
    assert {getattr(seen, one.name) for one in fields(seen)} == {Choice(), Ending.NOT, None}


@pytest.mark.parametrize(
    ("wish", "until", "ends", "at"),
    [
        (Wish.KEEP, None, None, None),
        (Wish.KEEP, 1500.0, None, 500.0),
        (Wish.KEEP, None, 900.0, 600.0),
        (Wish.LEND, 1500.0, 900.0, 500.0),
        (Wish.KEEP, 1500.0, 900.0, 600.0),
        (Wish.AUTO, 1500.0, 900.0, 600.0),
    ],
)
def test_a_choice_ends_by_the_wall_clock_or_by_its_span_and_with_both_by_what_lends_less(
    wish: Wish, until: float | None, ends: float | None, at: float | None
) -> None:
    assert Choice(wish, until, ends=ends).ends_at(clock=1000.0, slept=300.0) == at


def test_a_reading_changes_its_own_fields_only() -> None:
    seen = Observation(others_cpu=0.5).with_(Reading({"in_use": False, "idle_since": 7.0}))
    assert seen == Observation(in_use=False, idle_since=7.0, others_cpu=0.5)


def test_a_lost_sense_makes_its_fields_unknown_again() -> None:
    seen = Observation(in_use=False, idle_since=7.0).with_(Reading({"in_use": None, "idle_since": None}))
    assert seen == Observation()


def test_nobody_reports_what_is_not_observed() -> None:
    with pytest.raises(ValueError, match=r"no sense can report \['mood'\]"):
        Reading({"mood": "good"})
