"""Jobs go only to hosts with their toolchain, as a conversation."""

from __future__ import annotations

from fakes.dispatch_talk import CLANG, GCC, Talk

from farmhand.dispatch.jobs import HostsChanged, JobArrived, JobDone, JobLost, Place, PlaceHere


def test_a_job_goes_to_the_best_host_with_its_toolchain() -> None:
    talk = Talk(GCC, CLANG, here=0)
    talk.comes(1, Place(1, CLANG), needs="clang=14")
    talk.comes(2, Place(2, GCC), needs="gcc=12")
    talk.comes(3, needs="clang=14")
    talk.comes(4, needs="gcc=12")
    talk.says(JobDone(2, "g"), Place(4, GCC))
    talk.says(JobDone(1, "l"), Place(3, CLANG))
    assert talk.dispatcher.tally.lacked == {}


def test_a_job_that_no_host_fits_waits_for_none_of_them() -> None:
    talk = Talk(GCC, here=0, reserve=1)
    talk.comes(1, Place(1, GCC), needs="gcc=12")
    talk.says(JobArrived(2, needs="gcc=13"), PlaceHere(2))
    talk.comes(3, needs="gcc=13")
    talk.says(JobDone(1, "g"))
    talk.says(JobDone(2), PlaceHere(3))
    talk.says(JobDone(3))
    assert talk.dispatcher.tally.lacked == {"gcc=13": 2}
    assert talk.dispatcher.tally.here == 2


def test_what_fits_only_here_holds_up_nobody_behind_it() -> None:
    talk = Talk(GCC, here=0, reserve=1)
    talk.comes(1, PlaceHere(1), needs="gcc=13")
    talk.comes(2, needs="gcc=13")
    talk.comes(3, Place(3, GCC), needs="gcc=12")


def test_a_host_that_comes_with_the_toolchain_takes_what_waits() -> None:
    talk = Talk(CLANG, here=0, reserve=1)
    talk.comes(1, PlaceHere(1), needs="gcc=12")
    talk.comes(2, needs="gcc=12")
    talk.says(HostsChanged((GCC,)), Place(2, GCC))
    talk.says(JobDone(1))
    talk.says(JobDone(2, "g"))
    assert talk.dispatcher.tally.lacked == {"gcc=12": 1}


def test_a_lost_job_moves_on_only_where_it_fits() -> None:
    talk = Talk(GCC, CLANG, here=0, reserve=1)
    talk.comes(1, Place(1, GCC), needs="gcc=12")
    talk.says(JobLost(1, "g"), PlaceHere(1))
    talk.says(JobDone(1))
    assert talk.dispatcher.tally.lacked == {}, "a host has it, only not now"


def test_without_any_host_nothing_is_lacking() -> None:
    talk = Talk()
    talk.comes(1, PlaceHere(1), needs="gcc=13")
    talk.says(JobDone(1))
    assert talk.dispatcher.tally.lacked == {}
