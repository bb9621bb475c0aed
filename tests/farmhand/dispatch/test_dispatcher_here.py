"""What only this machine may do, as a conversation: calls that cannot leave, and those whose compiler has messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.dispatch_talk import STAYING, A, B, C, Talk, fails_without, host, rows

from farmhand.dispatch.jobs import (
    Cancel,
    HostsChanged,
    JobArrived,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    JobReady,
    JobStays,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.dispatch.racing import ENOUGH, UNKNOWN


# --- calls that cannot leave ------------------------------------------------
def test_a_call_that_cannot_leave_waits_for_a_slot_here_though_a_host_is_free() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1, leaves=False, kept="-march=native"), PlaceHere(1))
    talk.says(JobArrived(2, leaves=False, kept="-march=native"))
    talk.says(JobReady(2))
    talk.comes(3, Place(3, A))
    talk.says(JobDone(1, good=False), PlaceHere(2))
    talk.says(JobDone(2, good=False))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.kept) == (2, {"-march=native": 2})


def test_what_compiles_no_file_takes_a_slot_here_and_is_not_counted() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1, leaves=False), PlaceHere(1))
    talk.says(JobArrived(2, leaves=False, kept="-S"))
    talk.says(JobDone(1, good=False), PlaceHere(2))
    assert (talk.dispatcher.jobs, talk.dispatcher.tally.total) == (1, 0)


def test_what_the_preprocessor_finds_keeps_a_call_here() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1))
    talk.says(JobStays(1, "__DATE__"), PlaceHere(1))
    talk.says(JobDone(1, good=False))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.kept) == (1, {"__DATE__": 1})


def test_what_the_preprocessor_says_keeps_a_call_here_for_no_reason_that_is_told() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1))
    talk.says(JobStays(1), PlaceHere(1))
    talk.says(JobDone(1, good=False))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.kept) == (1, {})


def test_what_stays_is_not_said_to_lack_a_host() -> None:
    talk = Talk(host("g", 1, 4.0, "gcc=12"), here=0, reserve=1)
    talk.says(JobArrived(1, leaves=False, kept="-S"), PlaceHere(1))
    talk.says(JobArrived(2, needs="gcc=13"))
    talk.says(JobStays(2, "__DATE__"))
    talk.says(JobDone(1), PlaceHere(2))
    talk.says(JobDone(2))
    assert (talk.dispatcher.tally.lacked, talk.dispatcher.tally.kept) == ({}, {"-S": 1, "__DATE__": 1})


def test_the_build_could_use_a_slot_for_each_job_that_may_leave() -> None:
    talk = Talk(here=1)
    talk.says(JobArrived(1), PlaceHere(1))
    talk.says(JobArrived(2))
    talk.comes(3)
    talk.says(JobArrived(4, leaves=False, kept="-S"))
    talk.says(JobArrived(5, leaves=False))
    assert (talk.dispatcher.demand, talk.dispatcher.jobs) == (3, 5)
    talk.says(JobStays(2, "__DATE__"))
    assert (talk.dispatcher.demand, talk.dispatcher.jobs) == (2, 5)


# --- refusals ---------------------------------------------------------------
def test_what_a_host_refuses_is_compiled_here_and_a_wrong_refusal_costs_the_host_its_trust() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobFailed(1, "a"), PlaceHere(1, report=True))
    talk.says(JobDone(1, good=True))
    talk.trusts(B)
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.repeated) == (1, 0)


def test_a_right_refusal_costs_nothing() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobFailed(1, "a"), PlaceHere(1, report=True))
    talk.says(JobDone(1, good=False))
    talk.trusts(A, B)


def test_of_two_hosts_that_fail_only_the_one_that_refused_is_asked_to_be_right() -> None:
    talk = Talk(A, B, C, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobFailed(1, "b"), PlaceHere(1, report=True))
    talk.says(JobDone(1, good=True))
    talk.trusts(C)


def test_what_was_refused_waits_for_a_slot_here() -> None:
    talk = Talk(host("a", slots=2), here=0, reserve=1)
    talk.comes(1, Place(1, host("a", slots=2)))
    talk.comes(2, Place(2, host("a", slots=2)))
    talk.says(JobFailed(1, "a"), PlaceHere(1, report=True))
    talk.says(JobFailed(2, "a"))
    talk.says(JobDone(1), PlaceHere(2, report=True))


# --- messages ---------------------------------------------------------------
def test_a_file_with_messages_is_compiled_again_here_and_nobody_asks_how_it_ended() -> None:
    talk = Talk(A, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobFailed(1, "a", refused=False), PlaceHere(1))
    assert talk.dispatcher.tally.repeated == 0, "it has not ended yet"
    talk.says(JobDone(1, good=False))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.repeated) == (1, 1)
    talk.trusts(A)


@pytest.mark.parametrize("waits", [True, False])
def test_a_file_with_messages_that_nobody_waits_for_is_not_compiled_again(waits: bool) -> None:
    talk = Talk(A, here=0)
    talk.comes(1, Place(1, A))
    if waits:
        talk.says(JobArrived(2, leaves=False), PlaceHere(2))
        talk.says(JobFailed(1, "a", refused=False))
        talk.says(JobGone(1))
    else:
        talk.says(JobFailed(1, "a", refused=False), PlaceHere(1))
        talk.says(JobGone(1), Cancel(1, ""))
    assert (talk.dispatcher.tally.total, talk.dispatcher.tally.repeated) == (0, 0)


def test_an_object_with_messages_shows_that_its_host_works() -> None:
    talk = Talk(A, B, here=0)
    talk.comes(1, Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobDone(1, "b"))
    talk.now = 1.0
    talk.comes(2, Place(2, B))
    talk.comes(3, Place(3, A))
    talk.says(JobFailed(3, "a", refused=False), PlaceHere(3))
    talk.says(JobDone(2, "b"))
    talk.trusts(A, B)


def test_a_file_with_messages_tells_how_long_files_take_and_a_refused_one_does_not() -> None:
    talk = Talk(A, here=0, reserve=ENOUGH)
    for job in range(ENOUGH):
        talk.comes(job, Place(job, A))
        talk.now += 1.0
        talk.says(JobFailed(job, "a"), PlaceHere(job, report=True))
        talk.says(JobDone(job, good=False))
    assert talk.dispatcher.usual.most is None
    for job in range(ENOUGH):
        talk.comes(job, Place(job, A))
        talk.now += 1.0
        talk.says(JobFailed(job, "a", refused=False), PlaceHere(job))
        talk.says(JobDone(job, good=False))
    assert talk.dispatcher.usual.most == 4.0, "one second at speed 4"


def test_what_this_machine_does_by_itself_is_no_measure_for_hosts() -> None:
    talk = Talk(here=1)
    for job in range(ENOUGH):
        talk.comes(job, PlaceHere(job))
        talk.now += 20.0
        talk.says(JobDone(job, good=False))
    talk.says(HostsChanged((A,)))
    talk.comes(9, Place(9, A))
    assert talk.dispatcher.wake_at == talk.now + UNKNOWN


# --- nothing else comes of what runs here -----------------------------------
def test_what_runs_here_is_final_however_long_it_takes() -> None:
    talk = Talk(here=1)
    talk.comes(1, PlaceHere(1))
    talk.says(HostsChanged((A,)))
    talk.now = 100 * UNKNOWN
    talk.says(Woke())
    assert talk.dispatcher.wake_at is None


def test_a_client_that_hangs_up_while_its_compiler_runs_here_ends_it() -> None:
    talk = Talk(here=1)
    talk.comes(1, PlaceHere(1))
    talk.comes(2)
    talk.says(JobGone(1), Cancel(1, ""), PlaceHere(2))
    talk.says(JobDone(1))
    assert (talk.dispatcher.tally.total, talk.dispatcher.jobs) == (0, 1)


def test_a_client_may_hang_up_while_its_job_waits_for_this_machine() -> None:
    talk = Talk(here=1)
    talk.says(JobArrived(1, leaves=False, kept="-S"), PlaceHere(1))
    talk.says(JobArrived(2, leaves=False, kept="-S"))
    talk.says(JobGone(2))
    talk.says(JobDone(1))
    assert (talk.dispatcher.tally.total, talk.dispatcher.jobs) == (1, 0)


PLAYBOOK: tuple[Callable[[], None], ...] = (
    test_a_call_that_cannot_leave_waits_for_a_slot_here_though_a_host_is_free,
    test_a_client_that_hangs_up_while_its_compiler_runs_here_ends_it,
    test_a_client_may_hang_up_while_its_job_waits_for_this_machine,
)


@pytest.mark.parametrize(("table", "row"), rows(STAYING))
def test_no_row_of_what_stays_can_be_spared(monkeypatch: pytest.MonkeyPatch, table: str, row: object) -> None:
    assert fails_without(monkeypatch, table, row, PLAYBOOK)
