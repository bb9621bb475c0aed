"""Jobs that take long run once more elsewhere, as a conversation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.dispatch_talk import GCC, A, B, C, Talk, fails_without, host

from farmhand.dispatch import dispatcher as module
from farmhand.dispatch.dispatcher import UNLISTED
from farmhand.dispatch.jobs import (
    ON_EVENT,
    RACING,
    Cancel,
    GiveUp,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    JobNotHere,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.racing import UNKNOWN, Usual


def hung(*hosts: Host, here: int = 0) -> Talk:
    """Job 1 went out to `a` and has been there for long when another event comes."""
    talk = Talk(A, *hosts, here=here)
    talk.says(JobArrived(1), Place(1, A))
    assert talk.dispatcher.wake_at == UNKNOWN
    talk.now = UNKNOWN
    return talk


def experienced(*hosts: Host, here: int = 0, work: float = 40.0) -> Talk:
    """So many jobs of the same work have ended that one more changes nothing of what is usual."""
    usual = Usual()
    for _ in range(100):
        usual.note(work, 1.0)
    return Talk(*hosts, here=here, usual=usual)


# --- who wins ---------------------------------------------------------------
def test_a_job_that_hangs_runs_here_too_and_its_host_is_shunned_when_it_loses() -> None:
    talk = hung(here=1)
    talk.says(Woke(), PlaceHere(1))
    talk.now += 2
    talk.says(JobDone(1, ""), Cancel(1, "a"))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.raced, talk.dispatcher.tally.won) == (1, 1, 1)
    talk.says(JobArrived(2), PlaceHere(2))
    talk.says(JobArrived(3))


def test_a_job_that_hangs_runs_on_another_host_too() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobDone(1, "b"), Cancel(1, "a"))
    assert (talk.dispatcher.tally.hosts, talk.dispatcher.tally.won) == ({"b": 1}, 1)
    talk.says(JobArrived(2), Place(2, B))


def test_the_first_copy_may_still_win_and_the_second_is_not_blamed() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.now += 10 * UNKNOWN
    talk.says(JobDone(1, "a"), Cancel(1, "b"))
    assert (talk.dispatcher.tally.hosts, talk.dispatcher.tally.raced, talk.dispatcher.tally.won) == ({"a": 1}, 1, 0)
    talk.says(JobArrived(2), Place(2, A))
    talk.says(JobArrived(3), Place(3, B))


def test_a_host_that_loses_a_race_before_it_is_late_keeps_its_trust() -> None:
    talk = experienced(A, B)
    talk.says(JobArrived(1), Place(1, A))
    talk.now = 10.0
    talk.says(Woke(), Place(1, B))
    talk.now = 29.9
    talk.says(JobDone(1, "b"), Cancel(1, "a"))
    talk.says(JobArrived(2), Place(2, A))


def test_a_hung_host_is_not_mended_by_being_listed_but_by_a_job_that_ends_well() -> None:
    talk = hung(C)
    talk.says(Woke(), Place(1, C))
    talk.says(JobDone(1, "c"), Cancel(1, "a"))
    talk.now += 5
    talk.says(HostsChanged((A, C)))
    talk.says(JobArrived(2), Place(2, C))
    talk.says(JobArrived(3), Place(3, A))
    talk.says(JobDone(3, "a"))
    talk.says(JobArrived(4), Place(4, A))


def test_only_this_machine_says_that_the_source_is_wrong() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobFailed(1, "b"), Cancel(1, "a"), PlaceHere(1))
    talk.says(JobDone(1, good=False))


def test_a_copy_here_decides_when_the_host_refuses_and_the_host_pays_if_it_was_wrong() -> None:
    talk = hung(here=1)
    talk.says(Woke(), PlaceHere(1))
    talk.says(JobFailed(1, "a"))
    talk.says(JobDone(1))
    talk.says(JobArrived(2), PlaceHere(2))
    talk.says(JobArrived(3))


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
    talk.says(JobLost(1, "b"), PlaceHere(1))
    talk.says(JobDone(1, "a"), Cancel(1, ""))


def test_after_a_race_lost_on_both_hosts_a_job_stays_here() -> None:
    talk = hung(B, C)
    talk.says(Woke(), Place(1, B))
    talk.says(JobLost(1, "a"))
    talk.says(JobLost(1, "b"), PlaceHere(1))
    talk.says(JobDone(1))


def test_the_copy_here_goes_on_when_the_host_vanishes() -> None:
    talk = hung(here=1)
    talk.says(Woke(), PlaceHere(1))
    talk.says(JobLost(1, "a"))
    talk.says(JobDone(1))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.moved) == (1, 1)


def test_what_this_machine_cannot_do_is_left_to_the_host_and_not_tried_again() -> None:
    talk = hung(here=1)
    talk.says(Woke(), PlaceHere(1))
    talk.says(JobNotHere(1))
    talk.now += 100
    talk.says(Woke())
    talk.says(JobLost(1, "a"), GiveUp(1))


def test_a_job_that_lost_a_host_races_here_only() -> None:
    talk = Talk(A, B, C)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.now = UNKNOWN
    talk.says(Woke(), PlaceHere(1))
    talk.says(JobDone(1), Cancel(1, "b"))


def test_a_host_that_leaves_the_list_in_a_race_loses_its_copy() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(HostsChanged((B,)))
    talk.now += UNLISTED - 1
    talk.says(Woke())
    talk.now += 1
    talk.says(Woke(), Cancel(1, "a"), PlaceHere(1))
    talk.says(JobDone(1, "b"), Cancel(1, ""))


def test_a_client_that_hangs_up_ends_all_copies() -> None:
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    talk.says(JobGone(1), Cancel(1, "a"), Cancel(1, "b"))
    talk = hung(here=1)
    talk.says(Woke(), PlaceHere(1))
    talk.says(JobGone(1), Cancel(1, "a"), Cancel(1, ""))
    assert talk.dispatcher.jobs == 0


# --- when both hosts hang ---------------------------------------------------
def hung_twice() -> Talk:
    """Both hosts keep job 1, and it runs here, too."""
    talk = hung(B)
    talk.says(Woke(), Place(1, B))
    assert talk.dispatcher.wake_at == 2 * UNKNOWN
    talk.now = 2 * UNKNOWN
    talk.says(Woke(), PlaceHere(1))
    return talk


def test_a_job_that_hangs_on_two_hosts_is_compiled_here_whatever_it_may_use_else() -> None:
    talk = hung_twice()
    talk.now += 2
    talk.says(JobDone(1), Cancel(1, "a"), Cancel(1, "b"))
    assert (talk.dispatcher.tally.raced, talk.dispatcher.tally.won) == (2, 1)
    talk.says(JobArrived(2), PlaceHere(2))


@pytest.mark.parametrize("event", [JobFailed(1, "a"), JobLost(1, "a")], ids=["refused", "lost"])
def test_of_three_copies_two_may_go_on(event: JobFailed | JobLost) -> None:
    talk = hung_twice()
    talk.says(event)
    talk.says(JobDone(1), Cancel(1, "b"))


def test_two_hosts_go_on_when_this_machine_cannot() -> None:
    talk = hung_twice()
    talk.says(JobNotHere(1))
    talk.now += 100
    talk.says(Woke())
    talk.says(JobDone(1, "b"), Cancel(1, "a"))


def test_a_client_that_hangs_up_ends_three_copies() -> None:
    hung_twice().says(JobGone(1), Cancel(1, "a"), Cancel(1, "b"), Cancel(1, ""))


# --- when it pays -----------------------------------------------------------
def test_a_job_that_takes_longer_than_usual_gets_a_slot_that_nobody_wants() -> None:
    talk = experienced(A, here=1)
    talk.says(JobArrived(1), Place(1, A))
    assert talk.dispatcher.wake_at == 10.0, "40 seconds of work at speed 4"
    talk.now = 9.9
    talk.says(JobArrived(2), PlaceHere(2))
    talk.says(JobDone(2))
    talk.now = 10.0
    talk.says(Woke(), PlaceHere(1))


def test_what_falls_to_a_slow_host_last_races_on_a_faster_slot_that_has_come_free() -> None:
    talk = experienced(A, C)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2), Place(2, C))
    talk.now = 9.0
    talk.says(JobDone(1, "a"))
    assert talk.dispatcher.wake_at == 10.0, "the fast slot would have done it by then, the slow one at 20"
    talk.now = 10.0
    talk.says(Woke(), Place(2, A))


def test_while_jobs_wait_a_slow_one_must_wait_until_it_is_late_and_then_goes_first() -> None:
    talk = experienced(A, B)
    for job, where in ((1, A), (2, B)):
        talk.says(JobArrived(job), Place(job, where))
    for job in (3, 4, 5):
        talk.says(JobArrived(job))
    talk.now = 13.0
    talk.says(JobDone(2, "b"), Place(3, B))
    talk.now = 23.0
    talk.says(Woke())
    assert talk.dispatcher.wake_at == 30.0
    talk.now = 30.0
    talk.says(Woke(), PlaceHere(1))
    talk.now = 31.0
    talk.says(JobDone(3, "b"), Place(4, B))


def test_while_jobs_wait_there_is_one_race_after_the_other() -> None:
    talk = experienced(A, host("d", slots=2), work=4.0)
    for job, where in ((1, A), (2, host("d", slots=2)), (3, host("d", slots=2))):
        talk.says(JobArrived(job), Place(job, where))
    for job in (4, 5, 6):
        talk.says(JobArrived(job))
    talk.now = 7.0
    talk.says(Woke(), PlaceHere(1))
    talk.says(JobDone(3, "d"), Place(4, host("d", slots=2)))
    talk.says(JobDone(1), Cancel(1, "a"), PlaceHere(2))


def test_a_race_that_is_late_itself_holds_up_no_other_one() -> None:
    talk = experienced(A, B, C, work=4.0)
    for job, where in ((1, A), (2, B)):
        talk.says(JobArrived(job), Place(job, where))
    talk.now = 3.0
    talk.says(Woke(), Place(1, C))
    talk.now = 9.0
    talk.says(JobArrived(3), PlaceHere(1))
    talk.says(JobArrived(4))
    talk.says(JobDone(1), Cancel(1, "a"), Cancel(1, "c"), PlaceHere(2))


def test_no_copy_goes_to_a_host_in_doubt_or_without_the_toolchain() -> None:
    talk = Talk(GCC, B, here=0)
    talk.says(JobArrived(1, needs="gcc=12"), Place(1, GCC))
    talk.says(HostsChanged((GCC, host("l", 1, 3.0, "clang=14"))))
    talk.now = UNKNOWN
    talk.says(Woke(), PlaceHere(1))
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2), Place(2, B))
    talk.says(JobLost(2, "b"))
    talk.now = UNKNOWN
    talk.says(Woke(), PlaceHere(1), Place(2, B))


def test_a_job_that_this_machine_cannot_do_races_elsewhere() -> None:
    talk = Talk(A, B, here=1)
    talk.says(JobArrived(1, runs_here=False), Place(1, A))
    talk.now = UNKNOWN
    talk.says(Woke(), Place(1, B))
    talk.now = 3 * UNKNOWN
    talk.says(Woke())


PLAYBOOK: tuple[Callable[[], None], ...] = (
    test_a_job_that_hangs_runs_here_too_and_its_host_is_shunned_when_it_loses,
    test_a_job_that_hangs_runs_on_another_host_too,
    test_only_this_machine_says_that_the_source_is_wrong,
    test_a_copy_here_decides_when_the_host_refuses_and_the_host_pays_if_it_was_wrong,
    test_the_host_that_hangs_may_vanish_at_last,
    test_the_copy_here_goes_on_when_the_host_vanishes,
    test_what_this_machine_cannot_do_is_left_to_the_host_and_not_tried_again,
    test_a_job_that_lost_a_host_races_here_only,
    test_a_client_that_hangs_up_ends_all_copies,
    test_a_job_that_hangs_on_two_hosts_is_compiled_here_whatever_it_may_use_else,
    lambda: test_of_three_copies_two_may_go_on(JobFailed(1, "a")),
    lambda: test_of_three_copies_two_may_go_on(JobLost(1, "a")),
    test_two_hosts_go_on_when_this_machine_cannot,
    test_a_client_that_hangs_up_ends_three_copies,
)


@pytest.mark.parametrize(
    ("table", "row"),
    [("ON_EVENT", row) for row in ON_EVENT if row[0] in RACING]
    + [(name, row) for name in ("ON_RACE", "ON_RACE_HERE") for row in getattr(module, name)],
    ids=str,
)
def test_no_row_of_a_race_can_be_spared(monkeypatch: pytest.MonkeyPatch, table: str, row: object) -> None:
    assert fails_without(monkeypatch, table, row, PLAYBOOK)
