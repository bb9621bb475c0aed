"""The dispatcher, as a conversation: what it hears, what it wants done. Here: who gets which slot, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.dispatch_talk import CLANG, GCC, WAITING, A, B, Talk, fails_without, host, rows

from farmhand.dispatch.jobs import (
    ON_EVENT,
    ON_HERE,
    ON_HOST,
    ON_RACE,
    ON_RACE_HERE,
    RACING,
    HostsChanged,
    JobArrived,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    JobReady,
    JobState,
    JobStays,
    Place,
    PlaceHere,
    Woke,
)


def test_jobs_go_to_the_best_slot_in_the_order_in_which_they_came() -> None:
    talk = Talk(B, A, here=1)
    talk.comes(1, Place(1, A))
    talk.comes(2, Place(2, B))
    talk.comes(3, PlaceHere(3))
    talk.comes(4)
    talk.comes(5)
    talk.says(JobDone(2, "b"), Place(4, B))
    talk.says(JobDone(1, "a"), Place(5, A))
    talk.says(JobDone(3))
    assert talk.dispatcher.jobs == 2


def test_a_host_gets_no_more_jobs_than_slots() -> None:
    talk = Talk(host("a", slots=2), here=0)
    talk.comes(1, Place(1, host("a", slots=2)))
    talk.comes(2, Place(2, host("a", slots=2)))
    talk.comes(3)


def test_this_machine_is_preferred_when_the_registry_finds_it_as_fast() -> None:
    talk = Talk(A, host("me", slots=4, speed=4.0))
    talk.comes(1, PlaceHere(1))
    talk.comes(2, Place(2, A))
    talk.comes(3)


def test_without_hosts_this_machine_uses_its_reserve() -> None:
    talk = Talk(here=0, reserve=2)
    talk.comes(1, PlaceHere(1))
    talk.comes(2, PlaceHere(2))
    talk.comes(3)
    talk.says(JobDone(1), PlaceHere(3))


def test_hosts_that_come_take_what_waits_and_hosts_that_leave_get_nothing_more() -> None:
    talk = Talk(here=1)
    talk.comes(1, PlaceHere(1))
    talk.comes(2)
    talk.says(HostsChanged((A,)), Place(2, A))
    talk.says(HostsChanged(()))
    talk.comes(3)
    talk.says(JobDone(2, "a"))
    talk.says(JobDone(1), PlaceHere(3))


def test_a_job_on_a_host_that_left_still_counts_when_the_host_returns() -> None:
    talk = Talk(A, here=0)
    talk.comes(1, Place(1, A))
    talk.says(HostsChanged((B,)))
    talk.says(HostsChanged((A, B)))
    talk.comes(2, Place(2, B))


# --- until it is preprocessed -----------------------------------------------
def test_a_call_leaves_when_it_is_preprocessed() -> None:
    talk = Talk(A, here=1)
    talk.says(JobArrived(1))
    talk.says(JobReady(1), Place(1, A))
    talk.says(JobDone(1, "a"))
    assert (talk.dispatcher.jobs, talk.dispatcher.tally.hosts) == (0, {"a": 1})


def test_it_is_preprocessed_only_where_a_host_could_take_it() -> None:
    talk = Talk(GCC, here=0)
    talk.says(JobArrived(1, needs="gcc=12"))
    talk.says(JobArrived(2, leaves=False), PlaceHere(2))
    talk.says(JobArrived(3, needs="clang=14"))
    assert talk.dispatcher.unprepared(talk.now) == [1]
    talk.says(HostsChanged((CLANG,)))
    assert talk.dispatcher.unprepared(talk.now) == [3]
    talk.says(JobReady(3), Place(3, CLANG))
    assert talk.dispatcher.unprepared(talk.now) == []


def test_it_is_not_preprocessed_for_hosts_that_rest() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.comes(1, Place(1, A))
    talk.says(JobArrived(2))
    talk.says(JobArrived(3))
    talk.says(JobLost(1, "a"), PlaceHere(1))
    assert talk.dispatcher.unprepared(talk.now) == []
    talk.now = talk.dispatcher.wake_at or 0.0
    talk.says(Woke())
    assert talk.dispatcher.unprepared(talk.now) == [2, 3]


def test_a_call_that_is_not_preprocessed_yet_holds_up_nobody_behind_it() -> None:
    talk = Talk(A, here=0)
    talk.says(JobArrived(1))
    talk.comes(2, Place(2, A))
    talk.says(JobReady(1))
    talk.comes(3)
    talk.says(JobDone(2, "a"), Place(1, A))


def test_it_begins_here_at_once_where_this_machine_is_as_good() -> None:
    talk = Talk(A, host("me", slots=1, speed=4.0))
    talk.says(JobArrived(1), PlaceHere(1))
    talk.says(JobReady(1))
    talk.says(JobDone(1, good=False))
    assert (talk.dispatcher.jobs, talk.dispatcher.tally.here) == (0, 1)


def test_it_begins_here_when_those_before_it_will_take_all_other_slots() -> None:
    talk = Talk(A, B, here=1)
    talk.says(JobArrived(1))
    talk.says(JobArrived(2))
    talk.says(JobArrived(3), PlaceHere(3))
    talk.says(JobArrived(4))
    talk.says(JobReady(2), Place(2, A))
    talk.says(JobReady(1), Place(1, B))


def test_it_begins_here_when_a_younger_one_takes_the_last_slot_elsewhere() -> None:
    talk = Talk(A, here=1)
    talk.says(JobArrived(1))
    talk.says(JobArrived(2), PlaceHere(2))
    talk.comes(3, Place(3, A))
    talk.says(JobDone(2), PlaceHere(1))
    talk = Talk(A, B, here=1)
    talk.says(JobArrived(1))
    talk.says(JobArrived(2))
    talk.says(HostsChanged((A,)), PlaceHere(2))
    talk.says(JobReady(1), Place(1, A))


def test_a_call_that_must_stay_waits_for_this_machine() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1))
    talk.says(JobStays(1), PlaceHere(1))


def test_a_slot_here_that_comes_free_takes_what_is_not_preprocessed_yet() -> None:
    talk = Talk(A, here=1)
    talk.comes(1, Place(1, A))
    talk.says(JobArrived(2), PlaceHere(2))
    talk.says(JobArrived(3))
    talk.says(JobDone(2), PlaceHere(3))


def test_what_runs_here_does_not_leave_or_stay_any_more() -> None:
    talk = Talk(here=1)
    talk.says(JobArrived(1), PlaceHere(1))
    talk.says(HostsChanged((A,)))
    talk.says(JobReady(1))
    talk.says(JobStays(1, "late"))
    talk.says(JobDone(1))
    assert talk.dispatcher.tally.kept == {}


def test_a_client_that_hangs_up_before_it_is_preprocessed_is_forgotten() -> None:
    talk = Talk(A, here=0)
    talk.says(JobArrived(1))
    talk.says(JobGone(1))
    talk.says(JobReady(1))
    assert (talk.dispatcher.jobs, talk.dispatcher.tally.total) == (0, 0)


def test_a_client_that_hangs_up_while_its_job_waits_is_forgotten() -> None:
    talk = Talk(A, here=0)
    talk.comes(1, Place(1, A))
    talk.comes(2)
    talk.says(JobGone(2))
    talk.says(JobDone(1, "a"))
    assert talk.dispatcher.jobs == 0


# --- what cannot be true ----------------------------------------------------
def test_what_is_said_of_unknown_jobs_or_at_the_wrong_time_changes_nothing() -> None:
    talk = Talk(A, here=1)
    talk.says(JobDone(7))
    talk.says(JobReady(7))
    talk.comes(1, Place(1, A))
    talk.comes(2, PlaceHere(2))
    talk.comes(3)
    talk.says(JobReady(1))
    talk.says(JobStays(1))
    talk.says(JobStays(3))
    talk.says(JobDone(3))
    talk.says(JobFailed(2, ""))
    talk.says(JobLost(3, "a"))
    talk.says(JobLost(1, "b"))
    talk.says(JobDone(1, "b"))
    assert (talk.dispatcher.jobs, talk.dispatcher.tally.total, talk.dispatcher.tally.losses) == (3, 0, 0)


# --- the tables -------------------------------------------------------------
PLAYBOOK: tuple[Callable[[], None], ...] = (
    test_jobs_go_to_the_best_slot_in_the_order_in_which_they_came,
    test_a_call_leaves_when_it_is_preprocessed,
    test_a_call_that_is_not_preprocessed_yet_holds_up_nobody_behind_it,
    test_a_call_that_must_stay_waits_for_this_machine,
    test_it_begins_here_at_once_where_this_machine_is_as_good,
    test_a_client_that_hangs_up_before_it_is_preprocessed_is_forgotten,
    test_a_client_that_hangs_up_while_its_job_waits_is_forgotten,
)


@pytest.mark.parametrize(("table", "row"), rows(WAITING))
def test_no_row_of_what_waits_can_be_spared(monkeypatch: pytest.MonkeyPatch, table: str, row: object) -> None:
    assert fails_without(monkeypatch, table, row, PLAYBOOK)


def test_the_tables_speak_of_reachable_states_only() -> None:
    placed = {*ON_HOST.values(), *ON_HERE.values(), *ON_RACE.values(), *ON_RACE_HERE.values()}
    reachable = {JobState.PREPARING, JobState.QUEUED_HERE, *ON_EVENT.values(), *placed}
    assert {state for state, _ in ON_EVENT} == reachable - {JobState.ENDED}
    assert set(ON_HOST) <= set(ON_HERE)
    assert set(ON_RACE) <= set(ON_RACE_HERE) <= {*ON_HOST.values(), *RACING}
