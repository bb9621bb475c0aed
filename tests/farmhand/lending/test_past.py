"""What is carried from one observation to the next."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.lending.observation import Choice, Ending, Observation, Return, Wish
from farmhand.lending.past import carry_on, choose, end
from farmhand.settings import Settings

NOW, WALL = 10_000.0, 1_800_000_000.0
THERE = Observation(in_use=True, screensaver=False, others_cpu=0.0)
AWAY = replace(THERE, in_use=False, idle_since=NOW - 600)
LOCKED = replace(THERE, idle_since=NOW - 5, screensaver=True, screensaver_since=NOW - 5)
AT_THE_DIALOG = replace(LOCKED, idle_since=None)
UNTIL_BACK = Choice(Wish.KEEP, back=Return.NOT_LEFT)


def carried(seen: Observation, now: float = NOW) -> Observation:
    return carry_on(seen, Settings(busy_above=0.3), now, WALL + now - NOW)


def through(choice: Choice, *moments: Observation) -> list[Choice]:
    """How a choice fares through several observations."""
    told: list[Choice] = []
    for moment in moments:
        choice = carried(choose(moment, choice)).choice
        told.append(choice)
    return told


@pytest.mark.parametrize("wish", Wish)
def test_a_choice_ends_at_its_time(wish: Wish) -> None:
    seen = choose(AWAY, Choice(wish, WALL + 10))
    assert carried(seen, NOW + 9.9).choice == seen.choice
    assert carried(seen, NOW + 10).choice == Choice()


@pytest.mark.parametrize("wish", Wish)
def test_a_span_ends_when_it_is_over_and_sleep_counts(wish: Wish) -> None:
    seen = choose(AWAY, Choice(wish, ends=NOW + 3600))
    for now, slept, over in ((NOW + 3599, 0.0, False), (NOW + 3600, 0.0, True), (NOW + 5, 3594.0, False)):
        assert (carry_on(seen, Settings(), now, WALL, slept).choice == Choice()) is over
    assert carry_on(seen, Settings(), NOW + 5, WALL, 3595.0).choice == Choice()


@pytest.mark.parametrize("far", [366 * 86400 + 1, 2e11, 1e300])
@pytest.mark.parametrize("wish", Wish)
def test_a_choice_with_an_end_ends_within_a_year(wish: Wish, far: float) -> None:
    seen = carried(choose(AWAY, Choice(wish, WALL + far, Return.NOT_LEFT)))
    assert seen.choice.until == WALL + 366 * 86400
    assert carried(seen, NOW + 366 * 86400).choice == Choice()


def test_a_year_is_not_too_long() -> None:
    choice = Choice(Wish.KEEP, WALL + 366 * 86400)
    assert carried(choose(AWAY, choice)).choice == choice


def test_a_span_too() -> None:
    seen = choose(AWAY, Choice(Wish.LEND, ends=1e300))
    assert carry_on(seen, Settings(), NOW, WALL, 50.0).choice.ends == NOW + 50 + 366 * 86400


def test_a_choice_without_an_end_stays() -> None:
    assert carried(choose(AWAY, Choice(Wish.KEEP))).choice == Choice(Wish.KEEP)


def test_an_agent_that_is_told_twice_to_end_hurries() -> None:
    once = end(AWAY, at_once=False)
    assert once == replace(AWAY, ending=Ending.WHEN_DONE)
    assert end(once, at_once=False).ending is Ending.AT_ONCE


def test_an_agent_that_is_told_to_end_at_once_does_not_slow_down() -> None:
    hurried = end(AWAY, at_once=True)
    assert hurried.ending is Ending.AT_ONCE
    assert end(hurried, at_once=False).ending is Ending.AT_ONCE


def test_until_i_am_back_means_having_been_away() -> None:
    left = replace(UNTIL_BACK, back=Return.AWAY)
    assert through(UNTIL_BACK, THERE, AWAY, AWAY, THERE) == [UNTIL_BACK, left, left, Choice()]


def test_locking_is_going_away_and_the_touch_at_the_dialog_is_the_return() -> None:
    left = replace(UNTIL_BACK, back=Return.AWAY)
    assert through(UNTIL_BACK, LOCKED, AT_THE_DIALOG) == [left, Choice()]


def test_a_rest_is_not_going_away() -> None:
    resting = replace(THERE, idle_since=NOW - 100)
    assert through(UNTIL_BACK, resting, THERE) == [UNTIL_BACK, UNTIL_BACK]


def test_a_return_that_nobody_saw_is_none() -> None:
    left = replace(UNTIL_BACK, back=Return.AWAY)
    assert through(left, replace(THERE, in_use=None)) == [left]
    assert through(UNTIL_BACK, replace(LOCKED, in_use=None)) == [UNTIL_BACK]


def test_a_return_does_not_end_what_did_not_wait_for_it() -> None:
    assert through(Choice(Wish.KEEP), AWAY, THERE) == [Choice(Wish.KEEP)] * 2


def test_whichever_end_comes_first_counts() -> None:
    both = Choice(Wish.KEEP, WALL + 10, Return.NOT_LEFT)
    assert carried(choose(THERE, both), NOW + 10).choice == Choice()
    assert through(both, AWAY, THERE)[-1] == Choice()


def test_a_keep_that_ends_by_itself_leaves_a_trace() -> None:
    ended = carried(choose(AWAY, Choice(Wish.KEEP, WALL)))
    assert ended.keep_ended == NOW
    assert carried(ended, NOW + 50).keep_ended == NOW
    assert choose(ended, Choice()).keep_ended is None


@pytest.mark.parametrize("choice", [Choice(Wish.LEND, WALL), Choice(Wish.AUTO, WALL), Choice(Wish.KEEP)])
def test_nothing_else_leaves_one(choice: Choice) -> None:
    assert carried(choose(AWAY, choice)).keep_ended is None


def test_when_the_machine_was_last_busy() -> None:
    busy = carried(replace(AWAY, others_cpu=0.31))
    assert busy.busy_until == inf
    assert carried(busy, NOW + 3).busy_until == inf
    assert carried(replace(AWAY, disk_pressure=0.7)).busy_until == inf
    assert carried(replace(AWAY, others_cpu=None, disk_pressure=0.7)).busy_until == inf
    assert carried(replace(AWAY, disk_pressure=0.6)).busy_until is None
    assert carried(replace(busy, others_cpu=None), NOW + 5).busy_until == inf
    calm = carried(replace(busy, others_cpu=0.3), NOW + 5)
    assert calm.busy_until == NOW + 5
    assert carried(calm, NOW + 9).busy_until == NOW + 5
    assert carried(AWAY).busy_until is None


@given(
    st.builds(
        Observation,
        choice=st.builds(
            Choice, st.sampled_from(Wish), st.none() | st.floats(WALL - 9, WALL + 9), st.sampled_from(Return)
        ),
        in_use=st.none() | st.booleans(),
        idle_since=st.none() | st.floats(NOW - 9, NOW),
        screensaver=st.none() | st.booleans(),
        screensaver_since=st.none() | st.floats(NOW - 9, NOW),
        others_cpu=st.none() | st.floats(0, 1),
    )
)
def test_carrying_on_twice_is_carrying_on_once(seen: Observation) -> None:
    assert carried(carried(seen)) == carried(seen)
