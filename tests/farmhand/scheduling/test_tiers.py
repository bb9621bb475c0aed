from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.scheduling.tiers import LEAST_SPEED, effective_speed, tier, tier_speed

Speeds = st.floats(LEAST_SPEED, 100)


def test_speed_is_power_times_what_the_owner_leaves_free() -> None:
    assert effective_speed(1.0, 0.0) == 1.0
    assert effective_speed(2.0, 0.25) == 1.5


def test_a_host_that_lends_is_never_worth_nothing() -> None:
    assert effective_speed(1.0, 1.0) == LEAST_SPEED


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 0), (1.1, 0), (1.2, 1), (1.25, 1), (0.8, -1), (1.6, 2)])
def test_hosts_of_about_the_same_speed_share_a_tier(speed: float, expected: int) -> None:
    assert tier(speed) == expected


def test_flicker_round_a_border_changes_no_tier() -> None:
    assert tier(1.11) == 0
    assert tier(1.13) == 1
    assert tier(1.13, last=0) == 0
    assert tier(1.11, last=1) == 1


def test_a_clear_change_does() -> None:
    assert tier(1.25, last=0) == 1
    assert tier(0.5, last=0) == -3


@given(Speeds, Speeds)
def test_a_faster_host_is_never_in_a_lower_tier(one: float, other: float) -> None:
    assert (one <= other) <= (tier(one) <= tier(other))


@given(Speeds)
def test_the_speed_of_a_tier_stands_for_its_hosts(speed: float) -> None:
    assert tier_speed(tier(speed)) == pytest.approx(speed, rel=0.125)
