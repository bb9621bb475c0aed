"""Jobs that take long run once more elsewhere, as a conversation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.dispatch_talk import RACES, A, B, C, Talk, fails_without, rows

from farmhand.dispatch.dispatcher import UNLISTED
from farmhand.dispatch.jobs import (
    Cancel,
    CopyHere,
    Host,
    HostsChanged,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    JobNotHere,
    JobState,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.racing import UNKNOWN


def hung(*hosts: Host, here: int = 0) -> Talk:
    """Job 1 went out to `a` and has been there for long when another event comes."""
    talk = Talk(A, *hosts, here=here)
    talk.comes(1, Place(1, A))
    assert talk.dispatcher.wake_at == UNKNOWN
    talk.now = UNKNOWN
    return talk


# --- who wins ---------------------------------------------------------------
def test_a_job_that_hangs_runs_here_too_and_its_host_is_shunned_when_it_loses() -> None:
    talk = hung(here=1)
    talk.says(Woke(), CopyHere(1))
    talk.now += 2
    talk.says(JobDone(1, ""), Cancel(1, "a"))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.raced, talk.dispatcher.tally.won) == (1, 1, 1)
    talk.comes(2, PlaceHere(2))
    talk.comes(3)


def test_a_job_that_hangs_runs_on_another_host_too() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobDone(1, "b"), Cancel(1, "a"))
    assert (talk.dispatcher.tally.hosts, talk.dispatcher.tally.won) == ({"b": 1}, 1)
    talk.comes(2, Place(2, B))


def test_the_first_copy_may_still_win_and_the_second_is_not_blamed() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.now += 10 * UNKNOWN
    talk.says(JobDone(1, "a"), Cancel(1, "b"))
    assert (talk.dispatcher.tally.hosts, talk.dispatcher.tally.raced, talk.dispatcher.tally.won) == ({"a": 1}, 1, 0)
    talk.comes(2, Place(2, A))
    talk.comes(3, Place(3, B))


def test_a_hung_host_is_not_mended_by_being_listed_but_by_a_job_that_ends_well() -> None:
    talk = hung(C)
    talk.says(Woke(), Place(1, C))
    talk.says(JobDone(1, "c"), Cancel(1, "a"))
    talk.now += 5
    talk.says(HostsChanged((A, C)))
    talk.comes(2, Place(2, C))
    talk.comes(3, Place(3, A))
    talk.says(JobDone(3, "a"))
    talk.comes(4, Place(4, A))


# --- what compilers say -----------------------------------------------------
def test_only_this_machine_says_that_the_source_is_wrong() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobFailed(1, "b"), Cancel(1, "a"), PlaceHere(1, report=True))
    talk.says(JobDone(1, good=False))
    talk.trusts(A, B)


def test_a_refusal_ends_the_copy_here_and_the_host_pays_if_it_was_wrong() -> None:
    talk = hung(here=1)
    talk.says(Woke(), CopyHere(1))
    talk.says(JobFailed(1, "a"), Cancel(1, ""), PlaceHere(1, report=True))
    talk.says(JobDone(1))
    talk.comes(2, PlaceHere(2))
    talk.comes(3)


def test_messages_of_a_second_host_end_the_race_and_the_one_that_hangs_has_lost_it() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobFailed(1, "b", refused=False), Cancel(1, "a"), PlaceHere(1))
    talk.says(JobDone(1, good=False))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.repeated, talk.dispatcher.tally.won) == (1, 1, 0)
    talk.trusts(B)


def test_messages_of_the_copy_here_end_the_race_and_are_not_asked_for_from_a_host() -> None:
    talk = hung(here=1)
    talk.says(Woke(), CopyHere(1))
    talk.says(JobFailed(1, "", refused=False), Cancel(1, "a"), PlaceHere(1))
    talk.says(JobDone(1, good=False))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.repeated) == (1, 0)
    talk.comes(2, PlaceHere(2))
    talk.comes(3)


# --- losses in a race -------------------------------------------------------
def test_the_host_that_hangs_may_vanish_at_last() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobLost(1, "a"))
    talk.says(JobDone(1, "b"))
    assert (talk.dispatcher.tally.hosts, talk.dispatcher.tally.moved) == ({"b": 1}, 1)


def test_when_the_other_host_vanishes_the_race_goes_on_here() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobLost(1, "b"), CopyHere(1))
    talk.says(JobDone(1, "a"), Cancel(1, ""))


def test_after_a_race_lost_on_both_hosts_a_job_stays_here() -> None:
    talk = hung(B, C)
    talk.says(Woke(), Place(1, B))
    talk.says(JobLost(1, "a"))
    talk.says(JobLost(1, "b"), PlaceHere(1))
    talk.says(JobDone(1, good=False))


def copy_left(*hosts: Host) -> Talk:
    """The host of job 1 has vanished; the copy here goes on."""
    talk = hung(*hosts, here=1)
    talk.says(Woke(), CopyHere(1))
    talk.says(JobLost(1, "a"))
    return talk


def test_the_copy_here_goes_on_when_the_host_vanishes() -> None:
    talk = copy_left()
    talk.says(JobDone(1))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.moved, talk.dispatcher.jobs) == (1, 1, 0)


def test_the_copy_here_that_is_left_goes_nowhere_else() -> None:
    talk = copy_left()
    talk.says(HostsChanged((B,)))
    talk.now += 10 * UNKNOWN
    talk.says(Woke())
    assert talk.dispatcher.wake_at is None
    talk.comes(2, Place(2, B))
    talk.comes(3)


@pytest.mark.parametrize("event", [JobFailed(1, "", refused=False), JobNotHere(1)], ids=["messages", "impossible"])
def test_when_the_copy_here_that_is_left_fails_the_compiler_itself_runs(event: JobFailed | JobNotHere) -> None:
    talk = copy_left()
    talk.says(event, PlaceHere(1))
    talk.says(JobDone(1, good=False))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.moved, talk.dispatcher.tally.repeated) == (1, 1, 0)


def test_a_client_that_hangs_up_ends_the_copy_that_is_left() -> None:
    talk = copy_left()
    talk.says(JobGone(1), Cancel(1, ""))
    assert talk.dispatcher.jobs == 0


def test_what_cannot_be_a_copy_here_is_left_to_the_host_and_not_tried_again() -> None:
    talk = hung(here=1)
    talk.says(Woke(), CopyHere(1))
    talk.says(JobNotHere(1))
    talk.now += 100
    talk.says(Woke())
    talk.says(JobLost(1, "a"), PlaceHere(1))


def test_two_hosts_that_hang_up_on_a_job_that_races_are_both_pardoned() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobLost(1, "b", hung_up=True), CopyHere(1))
    talk.says(JobLost(1, "a", hung_up=True))
    talk.says(JobDone(1))
    talk.trusts(A, B)


def test_a_job_that_lost_a_host_races_here_only() -> None:
    talk = Talk(A, B, C)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.now = UNKNOWN
    talk.says(Woke(), CopyHere(1))
    talk.says(JobDone(1), Cancel(1, "b"))


def test_a_host_that_leaves_the_list_in_a_race_loses_its_copy() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(HostsChanged((B,)))
    talk.now += UNLISTED - 1
    talk.says(Woke())
    talk.now += 1
    talk.says(Woke(), Cancel(1, "a"), CopyHere(1))
    talk.says(JobDone(1, "b"), Cancel(1, ""))


def test_a_client_that_hangs_up_ends_all_copies() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobGone(1), Cancel(1, "a"), Cancel(1, "b"))
    talk = hung(here=1)
    talk.says(Woke(), CopyHere(1))
    talk.says(JobGone(1), Cancel(1, "a"), Cancel(1, ""))
    assert talk.dispatcher.jobs == 0


# --- when both hosts hang ---------------------------------------------------
def hung_twice() -> Talk:
    """Both hosts keep job 1, and it runs here, too."""
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    assert talk.dispatcher.wake_at == 2 * UNKNOWN
    talk.now = 2 * UNKNOWN
    talk.says(Woke(), CopyHere(1))
    return talk


def test_a_job_that_hangs_on_two_hosts_is_compiled_here_whatever_it_may_use_else() -> None:
    talk = hung_twice()
    talk.now += 2
    talk.says(JobDone(1), Cancel(1, "a"), Cancel(1, "b"))
    assert (talk.dispatcher.tally.raced, talk.dispatcher.tally.won) == (2, 1)
    talk.comes(2, PlaceHere(2))


def test_of_three_copies_two_go_on_when_a_host_vanishes() -> None:
    talk = hung_twice()
    talk.says(JobLost(1, "a"))
    talk.says(JobDone(1), Cancel(1, "b"))


def test_of_three_copies_none_goes_on_when_a_compiler_has_something_to_say() -> None:
    hung_twice().says(JobFailed(1, "a"), Cancel(1, "b"), Cancel(1, ""), PlaceHere(1, report=True))
    hung_twice().says(JobFailed(1, "b", refused=False), Cancel(1, "a"), Cancel(1, ""), PlaceHere(1))
    hung_twice().says(JobFailed(1, "", refused=False), Cancel(1, "a"), Cancel(1, "b"), PlaceHere(1))


def test_two_hosts_go_on_when_this_machine_cannot() -> None:
    talk = hung_twice()
    talk.says(JobNotHere(1))
    talk.now += 100
    talk.says(Woke())
    talk.says(JobDone(1, "b"), Cancel(1, "a"))


def test_a_client_that_hangs_up_ends_three_copies() -> None:
    hung_twice().says(JobGone(1), Cancel(1, "a"), Cancel(1, "b"), Cancel(1, ""))


PLAYBOOK: tuple[Callable[[], None], ...] = (
    test_a_job_that_hangs_runs_here_too_and_its_host_is_shunned_when_it_loses,
    test_a_job_that_hangs_runs_on_another_host_too,
    test_only_this_machine_says_that_the_source_is_wrong,
    test_a_refusal_ends_the_copy_here_and_the_host_pays_if_it_was_wrong,
    test_the_host_that_hangs_may_vanish_at_last,
    test_the_copy_here_goes_on_when_the_host_vanishes,
    lambda: test_when_the_copy_here_that_is_left_fails_the_compiler_itself_runs(JobNotHere(1)),
    lambda: test_when_the_copy_here_that_is_left_fails_the_compiler_itself_runs(JobFailed(1, "", refused=False)),
    test_a_client_that_hangs_up_ends_the_copy_that_is_left,
    test_what_cannot_be_a_copy_here_is_left_to_the_host_and_not_tried_again,
    test_a_job_that_lost_a_host_races_here_only,
    test_a_client_that_hangs_up_ends_all_copies,
    test_a_job_that_hangs_on_two_hosts_is_compiled_here_whatever_it_may_use_else,
    test_of_three_copies_two_go_on_when_a_host_vanishes,
    test_of_three_copies_none_goes_on_when_a_compiler_has_something_to_say,
    test_two_hosts_go_on_when_this_machine_cannot,
    test_a_client_that_hangs_up_ends_three_copies,
)


@pytest.mark.parametrize(("table", "row"), rows(RACES) + rows(tuple(JobState), ("ON_RACE", "ON_RACE_HERE")))
def test_no_row_of_a_race_can_be_spared(monkeypatch: pytest.MonkeyPatch, table: str, row: object) -> None:
    assert fails_without(monkeypatch, table, row, PLAYBOOK)
