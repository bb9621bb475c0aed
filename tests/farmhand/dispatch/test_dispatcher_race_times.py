"""When one more copy of a job is worth starting, as a conversation."""

from __future__ import annotations

from fakes.dispatch_talk import GCC, A, B, C, Talk, host

from farmhand.dispatch.jobs import (
    Cancel,
    CopyHere,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobLost,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.racing import UNKNOWN, Usual


def experienced(*hosts: Host, here: int = 0, reserve: int = 1, work: float = 40.0) -> Talk:
    """So many jobs of the same work have ended that one more changes nothing of what is usual."""
    usual = Usual()
    for _ in range(100):
        usual.note(work, 1.0)
    return Talk(*hosts, here=here, reserve=reserve, usual=usual)


def test_a_host_that_loses_a_race_before_it_is_late_keeps_its_trust() -> None:
    talk = experienced(A, B)
    talk.comes(1, Place(1, A))
    talk.now = 10.0
    talk.says(Woke(), Place(1, B))
    talk.now = 29.9
    talk.says(JobDone(1, "b"), Cancel(1, "a"))
    talk.comes(2, Place(2, A))


def test_a_job_that_takes_longer_than_usual_gets_a_slot_that_nobody_wants() -> None:
    talk = experienced(A, here=1)
    talk.comes(1, Place(1, A))
    assert talk.dispatcher.wake_at == 10.0, "40 seconds of work at speed 4"
    talk.now = 9.9
    talk.comes(2, PlaceHere(2))
    talk.says(JobDone(2))
    talk.now = 10.0
    talk.says(Woke(), CopyHere(1))


def test_what_falls_to_a_slow_host_last_races_on_a_faster_slot_that_has_come_free() -> None:
    talk = experienced(A, C)
    talk.comes(1, Place(1, A))
    talk.comes(2, Place(2, C))
    talk.now = 9.0
    talk.says(JobDone(1, "a"))
    assert talk.dispatcher.wake_at == 10.0, "the fast slot would have done it by then, the slow one at 20"
    talk.now = 10.0
    talk.says(Woke(), Place(2, A))


def test_while_jobs_wait_a_slow_one_must_wait_until_it_is_late_and_then_goes_first() -> None:
    talk = experienced(A, B)
    for job, where in ((1, A), (2, B)):
        talk.comes(job, Place(job, where))
    for job in (3, 4, 5):
        talk.comes(job)
    talk.now = 13.0
    talk.says(JobDone(2, "b"), Place(3, B))
    talk.now = 23.0
    talk.says(Woke())
    assert talk.dispatcher.wake_at == 30.0
    talk.now = 30.0
    talk.says(Woke(), CopyHere(1))
    talk.now = 31.0
    talk.says(JobDone(3, "b"), Place(4, B))


def test_while_jobs_wait_there_is_one_race_after_the_other() -> None:
    talk = experienced(A, host("d", slots=2), reserve=2, work=4.0)
    for job, where in ((1, A), (2, host("d", slots=2)), (3, host("d", slots=2))):
        talk.comes(job, Place(job, where))
    for job in (4, 5, 6):
        talk.comes(job)
    talk.now = 7.0
    talk.says(Woke(), CopyHere(1))
    talk.says(JobDone(3, "d"), Place(4, host("d", slots=2)))
    talk.says(JobDone(1), Cancel(1, "a"), CopyHere(2))


def test_a_race_that_is_late_itself_holds_up_no_other_one() -> None:
    talk = experienced(A, B, C, work=4.0)
    for job, where in ((1, A), (2, B)):
        talk.comes(job, Place(job, where))
    talk.now = 3.0
    talk.says(Woke(), Place(1, C))
    talk.now = 9.0
    talk.comes(3, CopyHere(1))
    talk.comes(4)
    talk.says(JobDone(1), Cancel(1, "a"), Cancel(1, "c"), CopyHere(2))


def test_no_copy_goes_to_a_host_in_doubt_or_without_the_toolchain() -> None:
    talk = Talk(GCC, B, here=0)
    talk.comes(1, Place(1, GCC), needs="gcc=12")
    talk.says(HostsChanged((GCC, host("l", 1, 3.0, "clang=14"))))
    talk.now = UNKNOWN
    talk.says(Woke(), CopyHere(1))
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.comes(2, Place(2, B))
    talk.says(JobLost(2, "b"))
    talk.now = UNKNOWN
    talk.says(Woke(), CopyHere(1), Place(2, B))


def test_no_copy_is_made_of_what_is_not_preprocessed_or_runs_here() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1))
    talk.says(JobArrived(2, leaves=False), PlaceHere(2))
    talk.now = 10 * UNKNOWN
    talk.says(Woke())
    assert talk.dispatcher.wake_at is None
