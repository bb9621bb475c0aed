from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from farmhand.scheduling import grants, leases
from farmhand.scheduling.leases import Offer, Order
from farmhand.scheduling.requests import (
    Ask,
    Beat,
    Change,
    Denied,
    Done,
    Granted,
    Leased,
    Leave,
    Release,
    Renew,
    Reply,
    Request,
    Tick,
    What,
    Why,
)
from farmhand.scheduling.scheduler import Scheduler

TTL = leases.pace(1, in_use=False).ttl
TTL_IN_USE = leases.pace(1, in_use=True).ttl


def beat(
    name: str = "desk",
    seq: int = 1,
    slots: int = 4,
    *,
    generation: int = 1,
    key: str = "k",
    peer: str = "10.0.0.1",
    announced: str | None = None,
    used: int = 0,
    others_cpu: float = 0.0,
    tools: Sequence[str] = (),
) -> Beat:
    offer = Offer("ignored", 3632, slots, used, cores=4, others_cpu=others_cpu, toolchains=frozenset(tools))
    return Beat(name, Order(1, generation, seq), key, peer, announced, offer)


def leave(name: str = "desk", seq: int = 9, generation: int = 2, key: str = "k") -> Leave:
    return Leave(name, Order(1, generation, seq), key, "10.0.0.1")


def ask(id: str = "g", want: int = 4, host: str = "laptop", peer: str = "10.0.0.9", tools: Sequence[str] = ()) -> Ask:
    return Ask(id, "ann", "kernel", host, peer, want, frozenset(tools))


def told(farm: Scheduler, request: Request, now: float = 0.0) -> Reply:
    return farm.handle(request, now)[0]


def changes(farm: Scheduler, request: Request, now: float = 0.0) -> list[tuple[What, str]]:
    return [(change.what, change.name) for change in farm.handle(request, now)[1]]


def slots(reply: Reply) -> dict[str, int]:
    assert isinstance(reply, Granted)
    return {portion.lease.name: portion.slots for portion in reply.portions}


def farm_of(*requests: Request) -> Scheduler:
    farm = Scheduler()
    for request in requests:
        assert not isinstance(told(farm, request), Denied)
    return farm


# --- hosts ------------------------------------------------------------------
def test_a_host_lends() -> None:
    farm = Scheduler()
    reply, what = farm.handle(beat(), 0.0)
    assert reply == Leased("desk-1", ttl=TTL, beat_in=4.0, granted=())
    assert what == (Change(What.CAME, "desk", "10.0.0.1:3632"),)
    assert [(lease.name, lease.offer.address) for lease in farm.hosts()] == [("desk", "10.0.0.1")]


def test_a_host_that_a_build_may_use_is_to_speak_more_often_and_missed_sooner() -> None:
    farm = farm_of(beat(), ask())
    reply = told(farm, beat(seq=2))
    assert isinstance(reply, Leased)
    assert (reply.ttl, reply.beat_in) == (TTL_IN_USE, 2.0)
    told(farm, Release("g"))
    reply = told(farm, beat(seq=3))
    assert isinstance(reply, Leased)
    assert (reply.ttl, reply.beat_in) == (TTL, 4.0)


def test_hosts_are_listed_by_name() -> None:
    assert [lease.name for lease in farm_of(beat("b"), beat("a")).hosts()] == ["a", "b"]


def test_a_repeated_beat_is_told_what_is_left_of_the_lease() -> None:
    farm = farm_of(beat())
    reply = told(farm, beat(), now=2.5)
    assert isinstance(reply, Leased)
    assert reply.ttl == TTL - 2.5


def test_a_host_lends_under_its_own_address_only() -> None:
    farm = Scheduler()
    reply = told(farm, beat(announced="8.8.8.8"))
    assert isinstance(reply, Denied)
    assert reply.why is Why.FOREIGN
    assert "8.8.8.8" in reply.detail
    assert "10.0.0.1" in reply.detail
    assert farm.hosts() == []


def test_a_second_agent_of_the_same_name_is_told_who_holds_it() -> None:
    farm = farm_of(beat())
    reply = told(farm, beat(key="other", peer="10.0.0.2"), now=2.0)
    assert isinstance(reply, Denied)
    assert reply.why is Why.TAKEN
    assert "10.0.0.1:3632" in reply.detail
    assert "wait 10 s" in reply.detail


def test_a_stranger_cannot_withdraw_a_host() -> None:
    farm = farm_of(beat())
    reply = told(farm, leave(key="other"))
    assert isinstance(reply, Denied)
    assert reply.why is Why.NOT_YOURS
    assert len(farm.hosts()) == 1


def test_an_old_message_is_told_what_is_known() -> None:
    farm = farm_of(beat(seq=5))
    reply = told(farm, beat(seq=4))
    assert isinstance(reply, Denied)
    assert reply.why is Why.STALE
    assert "known of desk: epoch 1, generation 1, seq 5" in reply.detail
    told(farm, leave())
    reply = told(farm, beat(seq=6))
    assert isinstance(reply, Denied)
    assert "withdrawn of desk: epoch 1, generation 2, seq 9" in reply.detail


def test_a_farm_may_be_full_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MAX_NAMES", 1)
    reply = told(farm_of(beat("a")), beat("b"))
    assert isinstance(reply, Denied)
    assert reply.why is Why.FULL
    assert "b may come" in reply.detail


def test_a_host_leaves() -> None:
    farm = farm_of(beat())
    assert farm.handle(leave(), 0.0) == (Done(), (Change(What.LEFT, "desk", "10.0.0.1"),))
    assert farm.hosts() == []


def test_the_withdrawal_of_an_unknown_host_is_carried_out_silently() -> None:
    assert Scheduler().handle(leave(), 0.0) == (Done(), ())


def test_a_silent_host_is_gone_before_anything_else_is_answered() -> None:
    farm = farm_of(beat())
    assert changes(farm, Tick(), now=TTL - 0.1) == []
    assert farm.handle(Tick(), TTL) == (Done(), (Change(What.EXPIRED, "desk", "10.0.0.1"),))


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (beat(seq=2), []),
        (beat(seq=2, others_cpu=0.05), []),
        (beat(seq=2, used=1), [(What.CHANGED, "desk")]),
        (beat(seq=2, slots=3), [(What.CHANGED, "desk")]),
        (beat(seq=2, others_cpu=0.5), [(What.CHANGED, "desk")]),
        (beat(seq=2, tools=["gcc"]), [(What.CHANGED, "desk")]),
    ],
)
def test_news_is_what_has_changed(later: Beat, expected: list[tuple[What, str]]) -> None:
    assert changes(farm_of(beat()), later) == expected


# --- builds -----------------------------------------------------------------
def test_a_build_gets_slots() -> None:
    farm = farm_of(beat(slots=8))
    reply, what = farm.handle(ask(want=3), 0.0)
    assert isinstance(reply, Granted)
    assert slots(reply) == {"desk": 3}
    assert (reply.id, reply.ttl, reply.renew_in) == ("g", grants.TTL, grants.RENEW_IN)
    assert (reply.user, reply.project, reply.host) == ("ann", "kernel", "laptop")
    assert what == (Change(What.OPENED, "g", "ann builds kernel on laptop at 10.0.0.9"), Change(What.DIVIDED))


def test_a_farm_without_hosts_grants_nothing_yet() -> None:
    farm = Scheduler()
    assert slots(told(farm, ask())) == {}
    told(farm, beat())
    assert changes(farm, Tick()) == [(What.DIVIDED, "")]
    assert slots(told(farm, Renew("g", 4))) == {"desk": 4}


def test_a_second_build_takes_half_when_it_asks() -> None:
    farm = farm_of(beat(slots=8), ask("one", 9))
    assert slots(told(farm, ask("two", 9))) == {"desk": 4}
    assert slots(told(farm, Renew("one", 9))) == {"desk": 4}


def test_what_a_build_wants_no_more_goes_to_the_other() -> None:
    farm = farm_of(beat(slots=8), ask("one", 9), ask("two", 9))
    reply, what = farm.handle(Renew("one", 1), 0.0)
    assert slots(reply) == {"desk": 1}
    assert what == (Change(What.DIVIDED),)
    assert slots(told(farm, Renew("two", 9))) == {"desk": 4}
    assert changes(farm, Tick()) == [(What.DIVIDED, "")]
    assert slots(told(farm, Renew("two", 9))) == {"desk": 7}


def test_a_released_share_goes_to_the_other() -> None:
    farm = farm_of(beat(slots=8), ask("one", 9), ask("two", 9))
    reply, what = farm.handle(Release("one"), 0.0)
    assert (reply, what) == (Done(), (Change(What.RELEASED, "one", "ann built kernel on laptop"),))
    assert changes(farm, Tick()) == [(What.DIVIDED, "")]
    assert slots(told(farm, Renew("two", 9))) == {"desk": 8}


def test_to_release_what_is_unknown_is_no_mistake() -> None:
    assert Scheduler().handle(Release("?"), 0.0) == (Done(), ())


def test_a_silent_build_loses_its_share() -> None:
    farm = farm_of(ask())
    for seq in range(1, 8):
        told(farm, beat(seq=seq), now=2.0 * seq)
    assert changes(farm, Tick(), now=grants.TTL) == [(What.LAPSED, "g"), (What.DIVIDED, "")]
    reply = told(farm, Renew("g", 4), now=grants.TTL)
    assert isinstance(reply, Denied)
    assert reply.why is Why.UNKNOWN


def test_one_machine_cannot_hold_all_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "MAX_GRANTS_EACH", 1)
    farm = farm_of(ask("one"))
    reply = told(farm, ask("two"))
    assert isinstance(reply, Denied)
    assert reply.why is Why.FULL
    assert not isinstance(told(farm, ask("three", peer="10.0.0.8")), Denied)


# --- sharing ----------------------------------------------------------------
def test_a_host_that_offers_less_gives_no_more_at_once_and_everybody_hears() -> None:
    farm = farm_of(beat(slots=8), ask("one", 9), ask("two", 9))
    assert changes(farm, beat(seq=2, slots=5)) == [(What.CHANGED, "desk"), (What.DIVIDED, "")]
    assert slots(told(farm, Renew("one", 9))) == {"desk": 4}
    assert slots(told(farm, Renew("two", 9))) == {"desk": 1}
    told(farm, Tick())
    assert slots(told(farm, Renew("one", 9))) == {"desk": 3}
    assert slots(told(farm, Renew("two", 9))) == {"desk": 2}


def test_a_host_that_moves_serves_nobody_until_slots_are_divided_anew() -> None:
    farm = farm_of(beat(peer="127.0.0.1"), ask(peer="127.0.0.1"))
    told(farm, beat(seq=2, peer="10.0.0.1"))
    assert slots(told(farm, Renew("g", 4))) == {}
    told(farm, Tick())
    assert slots(told(farm, Renew("g", 4))) == {"desk": 4}


def test_a_build_that_wants_less_gives_its_slowest_slots() -> None:
    farm = farm_of(beat("slow", slots=2, others_cpu=0.5), beat("fast", slots=2), ask(want=4))
    assert slots(told(farm, Renew("g", 1))) == {"fast": 1}


def test_a_build_that_wants_more_gets_it_at_the_next_tick() -> None:
    farm = farm_of(beat(slots=8), ask(want=2))
    assert slots(told(farm, Renew("g", 5))) == {"desk": 2}
    told(farm, Tick())
    assert slots(told(farm, Renew("g", 5))) == {"desk": 5}


def test_what_leaves_is_gone_from_all_shares_at_once() -> None:
    farm = farm_of(beat("a", slots=1), beat("b", slots=1), ask("one", 2), ask("two", 2))
    assert changes(farm, leave("a")) == [(What.LEFT, "a"), (What.DIVIDED, "")]
    held = [slots(told(farm, Renew(id, 2))) for id in ("one", "two")]
    assert sorted(map(len, held)) == [0, 1]


@pytest.mark.parametrize(
    "later",
    [beat(seq=2, slots=2), beat(seq=2, tools=["clang"]), leave()],
)
def test_what_a_host_takes_back_is_gone_from_the_next_answer(later: Request) -> None:
    farm = farm_of(beat(slots=4, tools=["gcc"]), ask(tools=["gcc"]))
    told(farm, later)
    left = slots(told(farm, Renew("g", 4)))
    assert sum(left.values()) <= (2 if isinstance(later, Beat) and not later.offer.toolchains else 0)


def test_down_and_up_again_is_not_more() -> None:
    farm = farm_of(beat(slots=4), ask("one", 9), leave(), beat(seq=10, generation=3, slots=4), ask("two", 9))
    assert slots(told(farm, Renew("one", 9))) == {"desk": 2}
    assert slots(told(farm, Renew("two", 9))) == {"desk": 2}


def test_a_fast_host_comes_first_and_says_how_fast() -> None:
    farm = farm_of(beat("slow", others_cpu=0.5, slots=1), beat("fast", slots=1), beat("also", slots=1))
    reply = told(farm, ask(want=3))
    assert isinstance(reply, Granted)
    assert [portion.lease.name for portion in reply.portions] == ["also", "fast", "slow"]
    assert [round(portion.speed, 2) for portion in reply.portions] == [1.95, 1.95, 1.0]


def test_a_busier_host_is_used_less_at_once() -> None:
    farm = farm_of(beat("a", slots=1), beat("b", slots=1), ask(want=1))
    assert slots(told(farm, Renew("g", 1))) == {"a": 1}
    told(farm, beat("a", seq=2, slots=1, others_cpu=0.6))
    told(farm, Tick())
    assert slots(told(farm, Renew("g", 1))) == {"b": 1}


def test_jobs_that_run_do_not_divide_the_slots_anew() -> None:
    farm = farm_of(beat(), ask())
    told(farm, beat(seq=2, used=3))
    assert changes(farm, Tick()) == []


def test_the_own_machine_comes_first() -> None:
    farm = farm_of(beat("desk", slots=2, others_cpu=0.5), beat("far", peer="10.0.0.2"))
    assert slots(told(farm, ask(host="desk", peer="10.0.0.1", want=2))) == {"desk": 2}


def test_a_name_alone_makes_no_machine_one_s_own() -> None:
    farm = farm_of(beat("desk", slots=2, others_cpu=0.5), beat("far", peer="10.0.0.2"))
    assert slots(told(farm, ask(host="desk", peer="10.0.0.9", want=2))) == {"far": 2}


def test_a_host_on_loopback_serves_its_own_machine_only() -> None:
    farm = farm_of(beat(peer="127.0.0.1"))
    assert slots(told(farm, ask("far", peer="10.0.0.9"))) == {}
    assert slots(told(farm, ask("near", peer="127.0.0.5"))) == {"desk": 4}


def test_when_something_may_end() -> None:
    farm = Scheduler()
    assert farm.wake_at == math.inf
    told(farm, beat())
    assert farm.wake_at == TTL
    told(farm, ask(), now=1.0)
    assert farm.wake_at == min(TTL, 1.0 + grants.TTL)
    told(farm, leave())
    told(farm, Release("g"))
    assert told(farm, Tick(), now=100.0) == Done()
    assert farm.wake_at == math.inf


def test_a_host_learns_whose_plain_distcc_it_may_serve() -> None:
    farm = farm_of(beat(), ask("one", peer="10.0.0.9"), ask("two", peer="10.0.0.8"), ask("three", peer="10.0.0.8"))

    def granted(seq: int, now: float = 0.0) -> tuple[str, ...]:
        reply = told(farm, beat(seq=seq), now)
        assert isinstance(reply, Leased)
        return reply.granted

    assert granted(2) == ("10.0.0.8", "10.0.0.9")
    told(farm, Release("one"))
    assert granted(3) == ("10.0.0.8",)


# --- whatever happens -------------------------------------------------------
class AnyFarm(RuleBasedStateMachine):
    """Hosts and builds come, change, fall silent and leave in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.farm, self.now, self.seq = Scheduler(), 0.0, 0
        self.heard: dict[str, tuple[float, int]] = {}
        self.grants: dict[str, float] = {}

    names = st.sampled_from(["a", "b", "c"])

    @rule(name=names, slots=st.integers(0, 6), others=st.sampled_from([0.0, 0.5]))
    def beats(self, name: str, slots: int, others: float) -> None:
        self.seq += 1
        reply = told(self.farm, beat(name, self.seq, slots, generation=self.seq, others_cpu=others), self.now)
        assert isinstance(reply, Leased)
        assert reply.ttl == pytest.approx(TTL) or (self.grants and reply.ttl == pytest.approx(TTL_IN_USE))
        (ends,) = (lease.ends for lease in self.farm.hosts() if lease.name == name)
        self.heard[name] = (ends, slots)

    @rule(name=names)
    def leaves(self, name: str) -> None:
        self.seq += 1
        assert told(self.farm, leave(name, self.seq, self.seq), self.now) == Done()
        self.heard.pop(name, None)

    @rule(want=st.integers(0, 9), host=names)
    def asks(self, want: int, host: str) -> None:
        self.seq += 1
        told(self.farm, ask(f"g{self.seq}", want, host), self.now)
        self.grants[f"g{self.seq}"] = self.now

    @rule(data=st.data())
    def releases(self, data: st.DataObject) -> None:
        if self.grants:
            id = data.draw(st.sampled_from(sorted(self.grants)))
            del self.grants[id]
            assert told(self.farm, Release(id), self.now) == Done()

    @rule(seconds=st.floats(0, 13))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.heard = {name: (ends, slots) for name, (ends, slots) in self.heard.items() if self.now < ends}
        self.grants = {id: at for id, at in self.grants.items() if self.now < at + grants.TTL}
        told(self.farm, Tick(), self.now)

    @invariant()
    def the_hosts_are_those_heard_of_lately(self) -> None:
        assert {lease.name: lease.offer.slots for lease in self.farm.hosts()} == {
            name: slots for name, (_, slots) in self.heard.items()
        }

    @invariant()
    def no_host_gives_more_than_it_offers(self) -> None:
        given: dict[str, int] = {}
        for id in self.grants:
            self.grants[id] = self.now
            for name, count in slots(told(self.farm, Renew(id, 9), self.now)).items():
                given[name] = given.get(name, 0) + count
        assert all(count <= self.heard[name][1] for name, count in given.items())


TestAnyFarm = AnyFarm.TestCase
