"""The dispatcher, as a conversation: what it hears, what it wants done."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest
from fakes.dispatch_talk import CLANG, GCC, A, B, C, Never, Talk, fails_without, host
from hypothesis import given
from hypothesis import strategies as st

from farmhand.dispatch.dispatcher import UNLISTED, Dispatcher
from farmhand.dispatch.jobs import (
    ON_EVENT,
    ON_HERE,
    ON_HOST,
    ON_RACE,
    ON_RACE_HERE,
    RACING,
    Cancel,
    Effect,
    Event,
    GiveUp,
    Here,
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
from farmhand.dispatch.racing import UNKNOWN


def test_jobs_go_to_the_best_slot_in_the_order_in_which_they_came() -> None:
    talk = Talk(B, A, here=1)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2), Place(2, B))
    talk.says(JobArrived(3), PlaceHere(3))
    talk.says(JobArrived(4))
    talk.says(JobArrived(5))
    talk.says(JobDone(2, "b"), Place(4, B))
    talk.says(JobDone(1, "a"), Place(5, A))
    talk.says(JobDone(3))
    assert talk.dispatcher.jobs == 2


def test_a_host_gets_no_more_jobs_than_slots() -> None:
    talk = Talk(host("a", slots=2), here=0)
    talk.says(JobArrived(1), Place(1, host("a", slots=2)))
    talk.says(JobArrived(2), Place(2, host("a", slots=2)))
    talk.says(JobArrived(3))


def test_this_machine_is_preferred_when_the_registry_finds_it_as_fast() -> None:
    talk = Talk(A, host("me", slots=4, speed=4.0))
    talk.says(JobArrived(1), PlaceHere(1))
    talk.says(JobArrived(2), Place(2, A))
    talk.says(JobArrived(3))


def test_without_hosts_this_machine_uses_its_reserve() -> None:
    talk = Talk(here=0, reserve=2)
    talk.says(JobArrived(1), PlaceHere(1))
    talk.says(JobArrived(2), PlaceHere(2))
    talk.says(JobArrived(3))
    talk.says(JobDone(1), PlaceHere(3))


def test_hosts_that_come_take_what_waits_and_hosts_that_leave_get_nothing_more() -> None:
    talk = Talk(here=1)
    talk.says(JobArrived(1), PlaceHere(1))
    talk.says(JobArrived(2))
    talk.says(HostsChanged((A,)), Place(2, A))
    talk.says(HostsChanged(()))
    talk.says(JobArrived(3))
    talk.says(JobDone(2, "a"))
    talk.says(JobDone(1), PlaceHere(3))


def test_a_job_on_a_host_that_left_still_counts_when_the_host_returns() -> None:
    talk = Talk(A, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(HostsChanged((B,)))
    talk.says(HostsChanged((A, B)))
    talk.says(JobArrived(2), Place(2, B))


def test_a_lost_job_moves_to_the_next_host_before_younger_ones() -> None:
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2), Place(2, B))
    talk.says(JobArrived(3))
    talk.says(JobLost(1, "a"))
    talk.says(JobDone(2, "b"), Place(1, B))
    talk.says(JobDone(1, "b"), Place(3, B))
    assert (talk.dispatcher.tally.moved, talk.dispatcher.tally.losses) == (1, 1)


def test_after_two_lost_hosts_a_job_stays_here() -> None:
    talk = Talk(A, B, C, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobLost(1, "b"), PlaceHere(1))
    talk.says(JobDone(1))
    assert talk.dispatcher.tally.here == 1
    assert talk.dispatcher.tally.moved == 1


def test_a_job_that_lost_a_host_may_be_compiled_here_at_once() -> None:
    talk = Talk(A, here=1)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobLost(1, "a"), PlaceHere(1))


def test_what_a_host_refuses_is_compiled_here_and_a_wrong_refusal_costs_the_host_its_trust() -> None:
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobFailed(1, "a"), PlaceHere(1))
    talk.says(JobDone(1, good=True))
    talk.says(JobArrived(2), Place(2, B))


def test_a_right_refusal_costs_nothing() -> None:
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobFailed(1, "a"), PlaceHere(1))
    talk.says(JobDone(1, good=False))
    talk.says(JobArrived(2), Place(2, A))


def test_a_second_host_may_refuse_as_well() -> None:
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobFailed(1, "b"), PlaceHere(1))
    talk.says(JobDone(1))


def test_compiles_that_only_this_machine_may_do_wait_for_its_slots() -> None:
    talk = Talk(host("a", slots=2), here=0, reserve=1)
    talk.says(JobArrived(1), Place(1, host("a", slots=2)))
    talk.says(JobArrived(2), Place(2, host("a", slots=2)))
    talk.says(JobFailed(1, "a"), PlaceHere(1))
    talk.says(JobFailed(2, "a"))
    talk.says(JobDone(1), PlaceHere(2))


def test_a_client_that_hangs_up_while_its_job_waits_is_forgotten() -> None:
    talk = Talk(A, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2))
    talk.says(JobGone(2))
    talk.says(JobDone(1, "a"))
    assert talk.dispatcher.jobs == 0


@pytest.mark.parametrize(
    ("story", "where"),
    [
        ([], "a"),
        ([(JobLost(1, "a"), Place(1, B))], "b"),
        ([(JobLost(1, "a"), Place(1, B)), (JobLost(1, "b"), PlaceHere(1))], ""),
    ],
    ids=["out", "out again", "here"],
)
def test_a_client_that_hangs_up_while_its_job_runs_ends_it(story: list[tuple[Event, Effect]], where: str) -> None:
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    for event, effect in story:
        talk.says(event, effect)
    talk.says(JobGone(1), Cancel(1, where))
    talk.says(JobDone(1, where))
    assert talk.dispatcher.tally.total == 0
    assert talk.dispatcher.jobs == 0


def test_a_client_may_hang_up_while_its_job_waits_again_or_waits_for_this_machine() -> None:
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2), Place(2, B))
    talk.says(JobLost(1, "a"))
    talk.says(JobGone(1))
    talk.says(JobDone(2, "b"))
    talk.says(JobArrived(3), Place(3, B))
    talk.says(JobFailed(3, "b"), PlaceHere(3))
    talk.says(JobArrived(4), Place(4, B))
    talk.says(JobFailed(4, "b"))
    talk.says(JobGone(4))
    talk.says(JobDone(3))
    assert talk.dispatcher.jobs == 0


def test_a_job_that_this_machine_cannot_do_goes_out_or_back_to_distcc() -> None:
    talk = Talk(A, B)
    talk.says(JobArrived(1, runs_here=False), Place(1, A))
    talk.says(JobArrived(2, runs_here=False), Place(2, B))
    talk.says(JobArrived(3, runs_here=False))
    talk.says(JobFailed(1, "a"), GiveUp(1), Place(3, A))
    talk.says(HostsChanged(()))
    talk.says(JobArrived(4, runs_here=False), GiveUp(4))
    assert talk.dispatcher.tally.here == 2


def test_a_compiler_that_cannot_start_here_is_left_to_distcc() -> None:
    talk = Talk()
    talk.says(JobArrived(1), PlaceHere(1))
    talk.says(JobNotHere(1), GiveUp(1))
    assert (talk.dispatcher.tally.here, talk.dispatcher.tally.losses) == (1, 0)


def test_while_every_host_is_shunned_this_machine_uses_its_reserve() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2))
    talk.says(JobLost(1, "a"), PlaceHere(1))
    talk.says(JobDone(1), PlaceHere(2))


def test_it_wakes_when_a_shunned_host_may_be_tried_again() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2))
    talk.says(JobArrived(3))
    talk.says(JobLost(1, "a"), PlaceHere(1))
    assert talk.dispatcher.wake_at == 1.0
    talk.now = 1.0
    talk.says(Woke(), Place(2, A))
    assert talk.dispatcher.wake_at == 1.0 + UNKNOWN, "then job 2 takes long"
    talk.says(JobDone(2, "a"), Place(3, A))


def test_it_sleeps_while_there_is_no_job() -> None:
    talk = Talk(A, here=1)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobLost(1, "a"), PlaceHere(1))
    assert talk.dispatcher.wake_at == 1.0
    talk.says(JobDone(1))
    assert talk.dispatcher.wake_at is None


def test_a_renewal_after_the_shun_trusts_the_host_again() -> None:
    talk = Talk(A, B, here=0)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobLost(1, "a"), Place(1, B))
    talk.says(JobDone(1, "b"))
    talk.now = 1.5
    talk.says(HostsChanged((A, B)))
    talk.says(JobArrived(2), Place(2, A))


def test_the_host_of_a_job_may_have_left_when_its_fate_is_known() -> None:
    talk = Talk(A, here=0, reserve=1)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(HostsChanged(()))
    talk.says(JobLost(1, "a"), PlaceHere(1))
    talk.says(JobDone(1))


def test_a_job_is_taken_from_a_host_that_has_not_been_listed_for_long() -> None:
    talk = Talk(A, B, here=0, usual=Never())
    talk.says(JobArrived(1), Place(1, A))
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
    talk.says(JobArrived(1), Place(1, A))
    talk.says(HostsChanged((B,)))
    talk.now = UNLISTED - 1
    talk.says(HostsChanged((A, B)))
    talk.now = UNLISTED
    talk.says(Woke())
    assert talk.dispatcher.wake_at == inf
    talk.says(JobDone(1, "a"))


def test_what_waits_or_runs_here_has_no_host_to_miss() -> None:
    talk = Talk(A, here=1)
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2), PlaceHere(2))
    talk.says(JobArrived(3))
    talk.says(HostsChanged(()))
    talk.says(JobDone(1, "a"))
    assert talk.dispatcher.wake_at is None
    talk.now = UNLISTED
    talk.says(Woke())
    talk.says(JobDone(2), PlaceHere(3))


def test_what_is_said_of_unknown_jobs_or_at_the_wrong_time_changes_nothing() -> None:
    talk = Talk(A, here=1)
    talk.says(JobDone(7))
    talk.says(JobArrived(1), Place(1, A))
    talk.says(JobArrived(2), PlaceHere(2))
    talk.says(JobArrived(3))
    talk.says(JobDone(3))
    talk.says(JobFailed(2, ""))
    talk.says(JobLost(3, "a"))
    talk.says(JobLost(1, "b"))
    talk.says(JobDone(1, "b"))
    assert talk.dispatcher.tally.total == 0


def test_a_job_goes_to_the_best_host_with_its_toolchain() -> None:
    talk = Talk(GCC, CLANG, here=0)
    talk.says(JobArrived(1, needs="clang=14"), Place(1, CLANG))
    talk.says(JobArrived(2, needs="gcc=12"), Place(2, GCC))
    talk.says(JobArrived(3, needs="clang=14"))
    talk.says(JobArrived(4, needs="gcc=12"))
    talk.says(JobDone(2, "g"), Place(4, GCC))
    talk.says(JobDone(1, "l"), Place(3, CLANG))
    assert talk.dispatcher.tally.lacked == {}


def test_a_job_that_no_host_fits_waits_for_none_of_them() -> None:
    talk = Talk(GCC, here=0, reserve=1)
    talk.says(JobArrived(1, needs="gcc=12"), Place(1, GCC))
    talk.says(JobArrived(2, needs="gcc=13"), PlaceHere(2))
    talk.says(JobArrived(3, needs="gcc=13"))
    talk.says(JobDone(1, "g"))
    talk.says(JobDone(2), PlaceHere(3))
    talk.says(JobDone(3))
    assert talk.dispatcher.tally.lacked == {"gcc=13": 2}
    assert talk.dispatcher.tally.here == 2


def test_what_fits_only_here_holds_up_nobody_behind_it() -> None:
    talk = Talk(GCC, here=0, reserve=1)
    talk.says(JobArrived(1, needs="gcc=13"), PlaceHere(1))
    talk.says(JobArrived(2, needs="gcc=13"))
    talk.says(JobArrived(3, needs="gcc=12"), Place(3, GCC))


def test_a_host_that_comes_with_the_toolchain_takes_what_waits() -> None:
    talk = Talk(CLANG, here=0, reserve=1)
    talk.says(JobArrived(1, needs="gcc=12"), PlaceHere(1))
    talk.says(JobArrived(2, needs="gcc=12"))
    talk.says(HostsChanged((GCC,)), Place(2, GCC))
    talk.says(JobDone(1))
    talk.says(JobDone(2, "g"))
    assert talk.dispatcher.tally.lacked == {"gcc=12": 1}


def test_a_lost_job_moves_on_only_where_it_fits() -> None:
    talk = Talk(GCC, CLANG, here=0, reserve=1)
    talk.says(JobArrived(1, needs="gcc=12"), Place(1, GCC))
    talk.says(JobLost(1, "g"), PlaceHere(1))
    talk.says(JobDone(1))
    assert talk.dispatcher.tally.lacked == {}, "a host has it, only not now"


def test_a_job_that_fits_nowhere_goes_back_to_distcc_when_this_machine_cannot_do_it() -> None:
    talk = Talk(GCC)
    talk.says(JobArrived(1, runs_here=False, needs="gcc=13"), GiveUp(1))
    assert talk.dispatcher.tally.lacked == {"gcc=13": 1}


def test_without_any_host_nothing_is_lacking() -> None:
    talk = Talk()
    talk.says(JobArrived(1, needs="gcc=13"), PlaceHere(1))
    talk.says(JobDone(1))
    assert talk.dispatcher.tally.lacked == {}


TOOLS = st.sampled_from(["gcc=1", "gcc=2", "clang=1"])
NEEDS = st.one_of(st.just(""), TOOLS)
HOSTS = st.lists(st.tuples(st.integers(1, 2), st.integers(1, 3), st.frozensets(TOOLS)), max_size=4).map(
    lambda facts: tuple(host(f"h{at}", slots, speed, *tools) for at, (slots, speed, tools) in enumerate(facts))
)


@given(st.lists(st.one_of(HOSTS, NEEDS, st.integers(0, 99)), max_size=50))
def test_no_job_reaches_a_host_without_its_toolchain_or_waits_for_one(
    story: list[tuple[Host, ...] | str | int],
) -> None:
    """A tuple of hosts is a new list, a text is a job that needs it, a number the fate of some copy that runs."""
    farm, reserve = Dispatcher(Here(1, 2)), 2
    hosts: tuple[Host, ...] = ()
    needs: dict[int, str] = {}
    at: dict[int, list[str]] = {}

    def suits(one: Host, need: str) -> bool:
        return not (need and one.toolchains) or need in one.toolchains

    def hear(event: Event, now: float) -> None:
        for effect in farm.handle(event, now):
            match effect:
                case Place(job, where):
                    assert suits(where, needs[job])
                    at[job].append(where.name)
                case PlaceHere(job):
                    at[job].append("")
                case Cancel(job, name):
                    if job in at:
                        at[job].remove(name)
                case GiveUp(job):
                    raise AssertionError(f"{job} can be compiled here")
        if sum("" in where for where in at.values()) < reserve:
            assert all(any(suits(one, needs[job]) for one in hosts) for job, where in at.items() if not where)

    for now, one in enumerate(story):
        running = [(job, name) for job, where in at.items() for name in where]
        if isinstance(one, tuple):
            hosts = one
            hear(HostsChanged(hosts), now)
        elif isinstance(one, str):
            needs[now], at[now] = one, []
            hear(JobArrived(now, needs=one), now)
        elif running:
            job, name = running[one % len(running)]
            if name and one % 3:
                at[job].remove(name)
                hear((JobLost, JobFailed)[one % 3 - 1](job, name), now)
            else:
                del at[job]
                hear(JobDone(job, name), now)


PLAYBOOK: tuple[Callable[[], None], ...] = (
    test_jobs_go_to_the_best_slot_in_the_order_in_which_they_came,
    test_without_hosts_this_machine_uses_its_reserve,
    test_a_lost_job_moves_to_the_next_host_before_younger_ones,
    test_after_two_lost_hosts_a_job_stays_here,
    test_a_job_that_lost_a_host_may_be_compiled_here_at_once,
    test_what_a_host_refuses_is_compiled_here_and_a_wrong_refusal_costs_the_host_its_trust,
    test_a_second_host_may_refuse_as_well,
    test_a_client_may_hang_up_while_its_job_waits_again_or_waits_for_this_machine,
    test_a_compiler_that_cannot_start_here_is_left_to_distcc,
    test_a_client_that_hangs_up_while_its_job_waits_is_forgotten,
    lambda: test_a_client_that_hangs_up_while_its_job_runs_ends_it([], "a"),
    lambda: test_a_client_that_hangs_up_while_its_job_runs_ends_it([(JobLost(1, "a"), Place(1, B))], "b"),
    lambda: test_a_client_that_hangs_up_while_its_job_runs_ends_it(
        [(JobLost(1, "a"), Place(1, B)), (JobLost(1, "b"), PlaceHere(1))], ""
    ),
)


@pytest.mark.parametrize(
    ("table", "row"),
    [("ON_EVENT", row) for row in ON_EVENT if row[0] not in RACING]
    + [("ON_HOST", row) for row in ON_HOST]
    + [("ON_HERE", row) for row in ON_HERE],
    ids=str,
)
def test_no_row_of_a_table_can_be_spared(monkeypatch: pytest.MonkeyPatch, table: str, row: object) -> None:
    assert fails_without(monkeypatch, table, row, PLAYBOOK)


def test_the_tables_speak_of_reachable_states_only() -> None:
    reachable = {*ON_EVENT.values(), *ON_HOST.values(), *ON_HERE.values(), *ON_HERE, *RACING}
    assert {state for state, _ in ON_EVENT} <= reachable
    assert set(ON_HOST) <= set(ON_HERE)
    assert set(ON_RACE) <= set(ON_RACE_HERE) <= {*ON_HOST.values(), *RACING}


MOVES = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6)), max_size=60)


@given(MOVES)
def test_no_slot_is_ever_taken_twice_and_no_job_is_forgotten(moves: list[tuple[int, int]]) -> None:
    """Whatever happens: limits hold, no host has a job twice, and once everything answers well, every job ends."""
    hosts, farm = (A, B, host("d", slots=2)), Dispatcher(Here(1, 1))
    at: dict[int, list[str]] = {}
    now = 0.0

    def hear(event: Event) -> None:
        for effect in farm.handle(event, now):
            match effect:
                case Place(job, where):
                    at[job].append(where.name)
                case PlaceHere(job):
                    at[job].append("")
                case Cancel(job, name):
                    if job in at:
                        at[job].remove(name)
                case GiveUp(job):
                    del at[job]
        names = [name for where in at.values() for name in where]
        assert names.count("") <= 1
        assert all(names.count(one.name) <= one.slots for one in hosts)
        assert all(len(set(where)) == len(where) for where in at.values())

    for kind, number in moves:
        now += 1.0
        if kind == 0 and number not in at:
            at[number] = []
            hear(JobArrived(number))
        elif kind == 1:
            hear(HostsChanged(hosts[: number - 1]))
        elif kind == 2:
            hear(Woke())
        elif kind == 3 and number in at:
            del at[number]
            hear(JobGone(number))
        elif kind > 3 and at.get(number):
            name = at[number][now % 2 > 0 and len(at[number]) > 1]
            if kind == 4:
                del at[number]
                hear(JobDone(number, name))
            elif name:
                at[number].remove(name)
                hear((JobLost, JobFailed)[kind - 5](number, name))
            else:
                at[number].remove(name)
                hear(JobNotHere(number))
    while at:
        now += 20.0
        hear(Woke())
        assert any(at.values()) or not at
        for number, where in list(at.items()):
            if where:
                del at[number]
                hear(JobDone(number, where[0]))
    assert farm.jobs == 0
