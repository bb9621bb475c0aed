"""The lender's conversations, read from top to bottom: what it hears, what it asks for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from farmhand.lending.events import (
    BoxDown,
    BoxUp,
    Drain,
    Drained,
    Effect,
    Event,
    Freeze,
    Join,
    Joined,
    LeaseLost,
    Renew,
    StartBox,
    StopBox,
    Thaw,
    Trim,
    TurnedAway,
    Urge,
    Want,
    Wanted,
    Withdraw,
    Woke,
)
from farmhand.lending.lender import Lender, Pace, State

LEND, HOLD, KEEP, KEEP_NOW = Want(Urge.LEND, 4), Want(Urge.HOLD), Want(Urge.KEEP), Want(Urge.KEEP_NOW)
SHARE = Want(Urge.SHARE, 2)
PACE = Pace(start=10, join=5, hold=4, grace=60, stop=3, rest=30)

Line = tuple[Event, Sequence[Effect]]
LENT: tuple[Line, ...] = (
    (Wanted(LEND), [StartBox(4)]),
    (BoxUp(), [Join(4)]),
    (Joined("a", 2), []),
)
KEPT_AGAIN: tuple[Line, ...] = (
    (Wanted(KEEP_NOW), [StopBox(), Withdraw("a")]),
    (BoxDown(), []),
)


def play(*lines: Line) -> Lender:
    """Feed events one second apart to a fresh lender; each must lead to exactly the effects beside it."""
    lender = Lender(PACE)
    for second, (event, effects) in enumerate(lines):
        assert lender.handle(event, float(second)) == list(effects), (event, lender.state)
    return lender


def test_an_idle_machine_is_lent() -> None:
    assert play(*LENT).state is State.LENT


def test_the_owner_returns_and_nothing_waits_for_the_registry() -> None:
    assert play(*LENT, *KEPT_AGAIN).state is State.KEPT


def test_without_hurry_running_jobs_may_finish() -> None:
    lender = play(*LENT, (Wanted(KEEP), [Drain(), Withdraw("a")]), (Drained(), [StopBox()]), (BoxDown(), []))
    assert lender.state is State.KEPT


def test_jobs_that_never_finish_are_ended_after_the_grace() -> None:
    lender = play(*LENT, (Wanted(KEEP), [Drain(), Withdraw("a")]))
    assert lender.wake_at == 3 + PACE.grace
    assert lender.handle(Woke(), 63) == [StopBox()]


def test_the_owner_returns_while_jobs_finish() -> None:
    assert (
        play(*LENT, (Wanted(KEEP), [Drain(), Withdraw("a")]), (Wanted(KEEP_NOW), [StopBox()])).state is State.STOPPING
    )


def test_the_owner_leaves_again_while_jobs_finish() -> None:
    drained = (Wanted(KEEP), [Drain(), Withdraw("a")])
    assert play(*LENT, drained, (Wanted(LEND), [Join(4)]), (Joined("b", 2), [])).lease == "b"


HELD: Line = (Wanted(HOLD), [Freeze(), Renew("a", 0)])


def test_a_nudge_of_the_desk_freezes_jobs_and_lets_them_go_on() -> None:
    lender = play(*LENT, HELD, (Wanted(LEND), [Thaw(), Renew("a", 4)]))
    assert (lender.state, lender.wake_at) == (State.LENT, 4 + PACE.join)


def test_a_second_touch_ends_frozen_jobs() -> None:
    assert play(*LENT, HELD, (Wanted(KEEP_NOW), [StopBox(), Withdraw("a")])).state is State.STOPPING


def test_frozen_jobs_are_not_kept_from_their_clients_for_long() -> None:
    lender = play(*LENT, HELD, (Joined("a", 60), []))
    assert lender.wake_at == 3 + PACE.hold
    assert lender.handle(Woke(), 7) == [StopBox(), Withdraw("a")]


def test_frozen_jobs_may_finish_when_there_is_no_hurry() -> None:
    assert play(*LENT, HELD, (Wanted(KEEP), [Thaw(), Drain(), Withdraw("a")])).state is State.DRAINING


def test_a_lease_that_is_lost_while_jobs_are_frozen_ends_them() -> None:
    assert play(*LENT, HELD, (LeaseLost(), [StopBox()])).state is State.STOPPING


def test_a_box_that_dies_frozen_is_rested_from() -> None:
    assert play(*LENT, HELD, (BoxDown(), [Withdraw("a")])).state is State.RESTING


def test_an_owner_who_shares_comes_back_and_leaves_again() -> None:
    play(*LENT, (Wanted(SHARE), [Trim(2), Renew("a", 2)]), (Wanted(SHARE), []), (Wanted(LEND), [Renew("a", 4)]))


def test_a_share_that_shrinks_by_load_lets_jobs_finish() -> None:
    play(*LENT, (Wanted(SHARE), [Trim(2), Renew("a", 2)]), (Wanted(Want(Urge.SHARE, 1)), [Renew("a", 1)]))


def test_an_owner_may_share_all_of_it() -> None:
    play(*LENT, (Wanted(Want(Urge.SHARE, 4)), [Trim(4)]))


def test_a_machine_is_lent_in_part_from_the_start() -> None:
    lender = play((Wanted(SHARE), [StartBox(2)]), (BoxUp(), [Join(2)]), (Joined("a", 2), []))
    assert lender.state is State.LENT


def test_before_the_gate_is_open_there_is_nothing_to_trim() -> None:
    play((Wanted(LEND), [StartBox(4)]), (Wanted(SHARE), []), (BoxUp(), [Join(2)]))


def test_jobs_may_run_before_the_registry_has_answered() -> None:
    play(*LENT[:2], (Wanted(SHARE), [Trim(2)]), (Joined("a", 2), []), (Woke(), [Renew("a", 2)]))


def test_a_second_touch_on_a_shared_machine_ends_what_is_too_much_and_lets_the_rest_go_on() -> None:
    lender = play(*LENT, HELD, (Wanted(SHARE), [Trim(2), Thaw(), Renew("a", 2)]))
    assert lender.state is State.LENT


def test_jobs_that_were_to_finish_stay_if_the_owner_shares_and_they_are_few() -> None:
    play(*LENT, (Wanted(KEEP), [Drain(), Withdraw("a")]), (Wanted(SHARE), [Trim(2), Join(2)]))


def test_a_touch_while_jobs_finish_ends_them() -> None:
    assert play(*LENT, (Wanted(KEEP), [Drain(), Withdraw("a")]), (Wanted(HOLD), [StopBox()])).state is State.STOPPING


def test_a_box_that_dies_while_jobs_finish_ends_the_matter() -> None:
    assert play(*LENT, (Wanted(KEEP), [Drain(), Withdraw("a")]), (BoxDown(), [])).state is State.KEPT


def test_a_stop_that_hangs_is_repeated_by_force_until_it_is_obeyed() -> None:
    stopped = (Wanted(KEEP_NOW), [StopBox(), Withdraw("a")])
    lender = play(*LENT, stopped, (Woke(), [StopBox(force=True)]), (Woke(), [StopBox(force=True)]))
    assert lender.wake_at == 5 + PACE.stop
    assert lender.handle(BoxDown(), 6) == []
    assert (lender.state, lender.wake_at) == (State.KEPT, None)


def test_a_want_is_never_lost_while_stopping() -> None:
    stopped = (Wanted(KEEP_NOW), [StopBox(), Withdraw("a")])
    assert play(*LENT, stopped, (Wanted(LEND), []), (BoxDown(), [StartBox(4)])).state is State.STARTING


@pytest.mark.parametrize("want", [HOLD, KEEP, KEEP_NOW])
@pytest.mark.parametrize("reached", [1, 2])
def test_the_owner_returns_before_the_machine_is_lent(want: Want, reached: int) -> None:
    assert play(*LENT[:reached], (Wanted(want), [StopBox()])).state is State.STOPPING


def test_a_box_that_never_comes_up_is_killed_until_it_is_gone_and_then_rested_from() -> None:
    lender = play(LENT[0])
    assert lender.wake_at == PACE.start
    assert lender.handle(Woke(), 10) == [StopBox(force=True)]
    assert lender.wake_at == 10 + PACE.stop
    assert lender.handle(Woke(), 13) == [StopBox(force=True)]
    assert lender.handle(BoxDown(), 14) == []
    assert (lender.state, lender.wake_at) == (State.RESTING, 14 + PACE.rest)
    assert lender.handle(Woke(), 44) == [StartBox(4)]


@pytest.mark.parametrize("reached", [1, 2, 3])
def test_a_box_that_dies_is_not_replaced_without_a_rest(reached: int) -> None:
    lender = play(*LENT[:reached])
    assert StartBox(4) not in lender.handle(BoxDown(), 5)
    assert (lender.state, lender.wake_at) == (State.RESTING, 5 + PACE.rest)


def test_a_box_that_dies_while_lent_is_told_to_the_registry() -> None:
    play(*LENT, (BoxDown(), [Withdraw("a")]))


def test_an_owner_who_returns_during_a_rest_is_not_disturbed() -> None:
    assert play(*LENT[:1], (BoxDown(), []), (Wanted(KEEP), []), (Woke(), [])).state is State.KEPT


def test_a_silent_registry_is_asked_again() -> None:
    lender = play(*LENT[:2])
    assert lender.wake_at == 1 + PACE.join
    assert lender.handle(Woke(), 6) == [Join(4)]


def test_a_registry_that_turns_us_away_says_when_to_come_back() -> None:
    lender = play(*LENT[:2], (TurnedAway(7), []))
    assert (lender.state, lender.wake_at) == (State.JOINING, 2 + 7)


def test_the_lease_is_renewed_at_the_registrys_pace() -> None:
    lender = play(*LENT)
    assert lender.wake_at == 2 + 2
    assert lender.handle(Woke(), 4) == [Renew("a", 4)]
    assert lender.wake_at == 4 + PACE.join
    assert lender.handle(Joined("a", 5), 4.1) == []
    assert lender.wake_at == pytest.approx(9.1)


def test_a_renewal_that_fails_is_tried_again_and_the_machine_stays_lent() -> None:
    lender = play(*LENT, (Woke(), [Renew("a", 4)]), (TurnedAway(3), []))
    assert (lender.state, lender.wake_at) == (State.LENT, 4 + 3)


def test_a_lost_lease_is_asked_for_anew() -> None:
    lender = play(*LENT, (LeaseLost(), [Join(4)]))
    assert (lender.state, lender.lease) == (State.JOINING, None)


def test_a_changed_number_of_slots_is_told_at_once() -> None:
    play(*LENT, (Wanted(Want(Urge.LEND, 2)), [Renew("a", 2)]), (Wanted(Want(Urge.LEND, 2)), []))


def test_slots_that_change_before_the_lease_are_told_when_it_is_asked_for() -> None:
    play(*LENT[:1], (Wanted(Want(Urge.LEND, 2)), []), (BoxUp(), [Join(2)]))


@pytest.mark.parametrize("kept", range(1, 3))
def test_a_lease_that_comes_too_late_is_given_back(kept: int) -> None:
    play(*LENT, *KEPT_AGAIN[:kept], (Joined("late", 2), [Withdraw("late")]))


def test_turned_away_after_the_owner_returned_changes_nothing() -> None:
    lender = play(*LENT, *KEPT_AGAIN, (TurnedAway(7), []))
    assert lender.wake_at is None
