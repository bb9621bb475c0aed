"""Hosts that give no answer, as a conversation: where their jobs go, and when a host is tried again."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest
from fakes.dispatch_talk import LEAVING, A, B, C, Never, Talk, fails_without, rows

from farmhand.dispatch.dispatcher import UNLISTED
from farmhand.dispatch.jobs import (
    Cancel,
    HostsChanged,
    JobArrived,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.racing import UNKNOWN


# --- where its jobs go ------------------------------------------------------
def test_a_lost_job_moves_to_the_next_host_before_younger_ones() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.comes(2, Place(2, B))
    talk.comes(3)
    talk.says(JobLost(1, "a"))
    talk.says(JobDone(2, "b"), Place(1, B))
    talk.says(JobDone(1, "b"), Place(3, B))
    assert (talk.dispatcher.tally.moved, talk.dispatcher.tally.losses) == (1, 1)


def test_after_two_lost_hosts_a_job_stays_here() -> None:
    talk = Talk(A, B, C, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobLost(1, "b"), PlaceHere(1))
    talk.says(JobDone(1))
    assert talk.dispatcher.tally.here == 1
    assert talk.dispatcher.tally.moved == 1


def test_a_job_that_lost_a_host_may_be_compiled_here_at_once() -> None:
    talk = Talk(A, here=1)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), PlaceHere(1))


def test_the_first_host_or_the_second_may_refuse() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobFailed(1, "a"), PlaceHere(1, report=True))
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobFailed(1, "b"), PlaceHere(1, report=True))


def test_a_client_that_hangs_up_while_its_job_is_out_ends_it() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobGone(1), Cancel(1, "a"))
    talk.says(JobDone(1, "a"))
    assert (talk.dispatcher.tally.total, talk.dispatcher.jobs) == (0, 0)


def test_a_client_that_hangs_up_while_its_job_is_out_again_ends_it() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobGone(1), Cancel(1, "b"))
    talk.says(JobDone(1, "b"))
    assert (talk.dispatcher.tally.total, talk.dispatcher.jobs) == (0, 0)


def test_a_client_may_hang_up_while_its_job_waits_again() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.comes(2, Place(2, B))
    talk.says(JobLost(1, "a"))
    talk.says(JobGone(1))
    talk.says(JobDone(2, "b"))
    assert talk.dispatcher.jobs == 0


# --- when it is tried again -------------------------------------------------
def test_while_every_host_is_shunned_this_machine_uses_its_reserve() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.comes(1, Place(1, A))
    talk.comes(2)
    talk.says(JobLost(1, "a"), PlaceHere(1))
    talk.says(JobArrived(3))
    talk.says(JobDone(1), PlaceHere(2))
    talk.says(JobDone(2), PlaceHere(3))


def test_it_wakes_when_a_shunned_host_may_be_tried_again() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.comes(1, Place(1, A))
    talk.comes(2)
    talk.comes(3)
    talk.says(JobLost(1, "a"), PlaceHere(1))
    assert talk.dispatcher.wake_at == 1.0
    talk.now = 1.0
    talk.says(Woke(), Place(2, A))
    assert talk.dispatcher.wake_at == 1.0 + UNKNOWN, "then job 2 takes long"
    talk.says(JobDone(2, "a"), Place(3, A))


def test_it_sleeps_while_there_is_no_job() -> None:
    talk = Talk(A, here=1)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), PlaceHere(1))
    assert talk.dispatcher.wake_at == 1.0
    talk.says(JobDone(1))
    assert talk.dispatcher.wake_at is None


def test_a_renewal_after_the_shun_trusts_the_host_again() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobDone(1, "b"))
    talk.now = 1.5
    talk.says(HostsChanged((A, B)))
    talk.comes(2, Place(2, A))


# --- the job's fault --------------------------------------------------------
def test_a_host_that_hangs_up_on_a_job_is_shunned() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a", hung_up=True), Place(1, B))
    talk.says(JobDone(1, "b"))
    talk.trusts(B)


def test_two_hosts_that_hang_up_on_the_same_job_are_both_pardoned() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a", hung_up=True), Place(1, B))
    talk.says(JobLost(1, "b", hung_up=True), PlaceHere(1))
    talk.trusts(A, B)
    assert talk.dispatcher.tally.losses == 2


@pytest.mark.parametrize("first", [True, False])
def test_a_host_that_loses_the_job_otherwise_is_a_reason_to_pardon_neither(first: bool) -> None:
    talk = Talk(A, B, C, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a", hung_up=first), Place(1, B))
    talk.says(JobLost(1, "b", hung_up=not first), PlaceHere(1))
    talk.trusts(C)


def test_two_jobs_on_which_one_host_each_hangs_up_pardon_nobody() -> None:
    talk = Talk(A, B, C, here=0)
    talk.comes(1, Place(1, A))
    talk.comes(2, Place(2, B))
    talk.says(JobLost(1, "a", hung_up=True), Place(1, C))
    talk.says(JobLost(2, "b", hung_up=True))
    talk.says(JobDone(1, "c"), Place(2, C))
    talk.says(JobDone(2, "c"))
    talk.trusts(C)


# --- hosts that are not listed any more -------------------------------------
def test_the_host_of_a_job_may_have_left_when_its_fate_is_known() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.comes(1, Place(1, A))
    talk.says(HostsChanged(()))
    talk.says(JobLost(1, "a"), PlaceHere(1))
    talk.says(JobDone(1))


def test_a_job_is_taken_from_a_host_that_has_not_been_listed_for_long() -> None:
    talk = Talk(A, B, here=0, usual=Never())
    talk.comes(1, Place(1, A))
    talk.says(HostsChanged((B,)))
    assert talk.dispatcher.wake_at == UNLISTED
    talk.now = UNLISTED - 1
    talk.says(HostsChanged((B,)))
    assert talk.dispatcher.wake_at == UNLISTED
    talk.now = UNLISTED
    talk.says(Woke(), Cancel(1, "a"), Place(1, B))
    assert talk.dispatcher.wake_at == inf
    talk.now = 3 * UNLISTED
    talk.says(Woke())
    talk.says(JobDone(1, "b"))
    assert (talk.dispatcher.tally.moved, talk.dispatcher.tally.losses) == (1, 1)


def test_a_job_stays_with_a_host_that_is_listed_again_in_time() -> None:
    talk = Talk(A, B, here=0, usual=Never())
    talk.comes(1, Place(1, A))
    talk.says(HostsChanged((B,)))
    talk.now = UNLISTED - 1
    talk.says(HostsChanged((A, B)))
    talk.now = UNLISTED
    talk.says(Woke())
    assert talk.dispatcher.wake_at == inf
    talk.says(JobDone(1, "a"))


def test_what_waits_or_runs_here_has_no_host_to_miss() -> None:
    talk = Talk(A, here=1)
    talk.comes(1, Place(1, A))
    talk.comes(2, PlaceHere(2))
    talk.comes(3)
    talk.says(JobArrived(4))
    talk.says(HostsChanged(()))
    talk.says(JobDone(1, "a"))
    assert talk.dispatcher.wake_at is None
    talk.now = UNLISTED
    talk.says(Woke())
    talk.says(JobDone(2), PlaceHere(3))


PLAYBOOK: tuple[Callable[[], None], ...] = (
    test_a_lost_job_moves_to_the_next_host_before_younger_ones,
    test_after_two_lost_hosts_a_job_stays_here,
    test_a_job_that_lost_a_host_may_be_compiled_here_at_once,
    test_the_first_host_or_the_second_may_refuse,
    test_a_client_that_hangs_up_while_its_job_is_out_ends_it,
    test_a_client_that_hangs_up_while_its_job_is_out_again_ends_it,
    test_a_client_may_hang_up_while_its_job_waits_again,
)


@pytest.mark.parametrize(("table", "row"), rows(LEAVING))
def test_no_row_of_what_is_out_can_be_spared(monkeypatch: pytest.MonkeyPatch, table: str, row: object) -> None:
    assert fails_without(monkeypatch, table, row, PLAYBOOK)
