from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.scheduling import leases
from farmhand.scheduling.leases import TTLS_PER_TOMBSTONE, Full, Lease, Leases, Offer, Order, Stale, Taken, pace

TTL = pace(1, in_use=False).ttl
TOMBSTONE = TTLS_PER_TOMBSTONE * TTL
HOME = "10.0.0.1"
OFFER = Offer(HOME, 3632, slots=4)


def beat(
    farm: Leases, order: tuple[int, int, int], now: float = 0.0, key: str = "mine", offer: Offer = OFFER
) -> object:
    farm.expire(now)
    return farm.beat("desk", Order(*order), key, offer, now)


def withdraw(farm: Leases, order: tuple[int, int, int], now: float = 0.0, key: str = "mine") -> object:
    farm.expire(now)
    return farm.withdraw("desk", Order(*order), key, now, HOME)


def test_the_first_beat_opens_a_lease() -> None:
    farm = Leases()
    lease = beat(farm, (1, 1, 1))
    assert lease == Lease("desk-1", "desk", "mine", Order(1, 1, 1), OFFER, heard=0.0, ends=TTL)
    assert farm.living == {"desk": lease}


def test_a_later_beat_renews_it() -> None:
    farm = Leases()
    beat(farm, (1, 1, 1))
    more = Offer("10.0.0.1", 3632, slots=8)
    renewed = beat(farm, (1, 1, 2), now=4.0, offer=more)
    assert renewed == Lease("desk-1", "desk", "mine", Order(1, 1, 2), more, heard=4.0, ends=4.0 + TTL)
    assert farm.expire(TTL) == []


def test_without_beats_it_ends_on_time() -> None:
    farm = Leases()
    lease = beat(farm, (1, 1, 1))
    assert farm.expire(TTL - 0.001) == []
    assert farm.expire(TTL) == [lease]
    assert farm.living == {}


def test_a_repeated_beat_changes_nothing_and_renews_nothing() -> None:
    farm = Leases()
    lease = beat(farm, (1, 1, 1))
    assert beat(farm, (1, 1, 1), now=3.0, offer=Offer("10.0.0.1", 1, slots=9)) == lease
    assert farm.expire(TTL) == [lease]


@pytest.mark.parametrize("older", [(0, 9, 9), (2, 1, 9), (2, 2, 1)])
def test_an_older_beat_counts_for_nothing(older: tuple[int, int, int]) -> None:
    farm = Leases()
    lease = beat(farm, (2, 2, 2))
    assert beat(farm, older, now=3.0) == Stale(Order(2, 2, 2), withdrawn=False)
    assert farm.living == {"desk": lease}


def test_an_older_withdrawal_removes_nothing() -> None:
    farm = Leases()
    lease = beat(farm, (2, 2, 2))
    assert withdraw(farm, (2, 2, 1)) == Stale(Order(2, 2, 2), withdrawn=False)
    assert farm.living == {"desk": lease}


def test_a_withdrawal_ends_the_lease_at_once() -> None:
    farm = Leases()
    lease = beat(farm, (1, 1, 1))
    assert withdraw(farm, (1, 2, 2)) == lease
    assert farm.living == {}
    assert farm.expire(TTL) == []


@pytest.mark.parametrize("late", [(1, 1, 9), (1, 2, 9), (0, 9, 9)])
def test_a_withdrawn_host_is_not_resurrected_by_a_late_beat(late: tuple[int, int, int]) -> None:
    farm = Leases()
    beat(farm, (1, 1, 1))
    withdraw(farm, (1, 2, 2))
    assert beat(farm, late, now=TOMBSTONE - 0.001) == Stale(Order(1, 2, 2), withdrawn=True)
    assert farm.living == {}


@pytest.mark.parametrize("new", [(1, 3, 3), (2, 1, 1)])
def test_a_withdrawn_host_comes_back_with_a_new_generation(new: tuple[int, int, int]) -> None:
    farm = Leases()
    beat(farm, (1, 1, 1))
    withdraw(farm, (1, 2, 2))
    assert isinstance(beat(farm, new), Lease)
    assert withdraw(farm, (1, 2, 9)) == Stale(Order(*new), withdrawn=False)


def test_a_new_lease_has_a_new_id() -> None:
    farm = Leases()
    beat(farm, (1, 1, 1))
    withdraw(farm, (1, 2, 2))
    lease = beat(farm, (1, 3, 3))
    assert isinstance(lease, Lease)
    assert lease.id == "desk-2"


def test_an_expired_host_comes_back_with_any_later_beat_of_its_generation() -> None:
    farm = Leases()
    beat(farm, (1, 1, 1))
    assert isinstance(beat(farm, (1, 1, 2), now=TTL), Lease)


@pytest.mark.parametrize("old", [(1, 1, 1), (1, 1, 0), (0, 5, 5)])
def test_an_expired_host_is_not_resurrected_by_an_old_beat(old: tuple[int, int, int]) -> None:
    farm = Leases()
    beat(farm, (1, 1, 1))
    assert beat(farm, old, now=TTL) == Stale(Order(1, 1, 1), withdrawn=False)


def test_a_withdrawal_that_overtook_its_beat_bars_it() -> None:
    farm = Leases()
    assert withdraw(farm, (1, 2, 2)) is None
    assert beat(farm, (1, 1, 1)) == Stale(Order(1, 2, 2), withdrawn=True)


def test_an_older_withdrawal_does_not_weaken_a_tombstone() -> None:
    farm = Leases()
    withdraw(farm, (1, 4, 4))
    assert withdraw(farm, (1, 2, 2)) == Stale(Order(1, 4, 4), withdrawn=True)
    assert withdraw(farm, (1, 4, 4)) is None
    assert beat(farm, (1, 3, 3)) == Stale(Order(1, 4, 4), withdrawn=True)


def test_a_tombstone_ends_too() -> None:
    farm = Leases()
    beat(farm, (5, 1, 1))
    withdraw(farm, (5, 2, 2))
    assert isinstance(beat(farm, (1, 1, 1), now=TOMBSTONE), Lease)


def test_a_tombstone_does_not_outlive_the_return_of_its_host() -> None:
    farm = Leases()
    withdraw(farm, (1, 1, 1))
    lease = beat(farm, (1, 2, 2), now=TOMBSTONE - 1)
    assert farm.expire(TOMBSTONE) == []
    assert farm.living == {"desk": lease}


def test_nobody_else_takes_a_name_while_its_lease_lives() -> None:
    farm = Leases()
    lease = beat(farm, (1, 1, 1))
    assert beat(farm, (9, 9, 9), key="another") == Taken(lease)  # type: ignore[arg-type]
    assert withdraw(farm, (9, 9, 9), key="another") == Taken(lease)  # type: ignore[arg-type]
    assert farm.living == {"desk": lease}


def test_a_name_is_free_once_its_lease_has_ended() -> None:
    farm = Leases()
    beat(farm, (1, 1, 1))
    taken = beat(farm, (2, 1, 1), now=TTL, key="another")
    assert isinstance(taken, Lease)
    assert taken.key == "another"


def test_an_endless_supply_of_names_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MAX_NAMES", 2)
    farm = Leases()
    farm.beat("a", Order(1, 1, 1), "k", OFFER, 0.0)
    farm.withdraw("b", Order(1, 1, 1), "k", 0.0, HOME)
    assert farm.beat("c", Order(1, 1, 1), "k", OFFER, 0.0) == Full()
    assert farm.withdraw("c", Order(1, 1, 1), "k", 0.0, HOME) == Full()
    assert isinstance(farm.beat("a", Order(1, 1, 2), "k", OFFER, 0.0), Lease)
    assert isinstance(farm.beat("b", Order(1, 2, 2), "k", OFFER, 0.0), Lease)
    assert isinstance(farm.withdraw("a", Order(1, 2, 2), "k", 0.0, HOME), Lease)


def test_one_source_leaves_names_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MAX_NAMES_EACH", 2)
    farm, elsewhere = Leases(), replace(OFFER, address="10.0.0.2")
    farm.beat("a", Order(1, 1, 1), "k", OFFER, 0.0)
    farm.withdraw("b", Order(1, 1, 1), "k", 0.0, HOME)
    assert farm.beat("c", Order(1, 1, 1), "k", OFFER, 0.0) == Full()
    assert farm.withdraw("c", Order(1, 1, 1), "k", 0.0, HOME) == Full()
    assert isinstance(farm.beat("c", Order(1, 1, 1), "k", elsewhere, 0.0), Lease)
    assert farm.withdraw("a", Order(1, 2, 2), "k", 0.0, "10.0.0.2") is not None
    assert farm.beat("d", Order(1, 1, 1), "k", OFFER, 0.0) == Full(), "a name stays its source's, dead or alive"
    farm.expire(TOMBSTONE)
    assert isinstance(farm.beat("d", Order(1, 1, 1), "k", OFFER, TOMBSTONE), Lease)


def test_a_host_that_moves_counts_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MAX_NAMES_EACH", 1)
    farm, elsewhere = Leases(), replace(OFFER, address="10.0.0.2")
    farm.beat("a", Order(1, 1, 1), "k", OFFER, 0.0)
    assert isinstance(farm.beat("a", Order(1, 1, 2), "k", elsewhere, 0.0), Lease)
    assert isinstance(farm.beat("b", Order(1, 1, 1), "k", OFFER, 0.0), Lease)
    assert farm.beat("c", Order(1, 1, 1), "k", elsewhere, 0.0) == Full()


def many_tools(size: int, address: str = HOME) -> Offer:
    """An offer whose toolchains cost so many bytes."""
    return replace(OFFER, address=address, toolchains=frozenset({"x" * (size - leases.TOOLCHAIN_COSTS)}))


def test_hosts_cannot_tell_of_toolchains_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MAX_TOLD_EACH", 1000)
    monkeypatch.setattr(leases, "MAX_TOLD", 1500)
    farm = Leases()
    farm.beat("a", Order(1, 1, 1), "k", many_tools(600), 0.0)
    assert farm.beat("b", Order(1, 1, 1), "k", many_tools(401), 0.0) == Full()
    assert isinstance(farm.beat("b", Order(1, 1, 1), "k", many_tools(400), 0.0), Lease)
    assert farm.beat("b", Order(1, 1, 2), "k", many_tools(401), 0.0) == Full(), "nor may they tell of more later"
    assert farm.beat("c", Order(1, 1, 1), "k", many_tools(501, "10.0.0.2"), 0.0) == Full()
    assert isinstance(farm.beat("c", Order(1, 1, 1), "k", many_tools(500, "10.0.0.2"), 0.0), Lease)
    farm.withdraw("a", Order(1, 2, 2), "k", 0.0, HOME)
    assert isinstance(farm.beat("b", Order(1, 1, 3), "k", many_tools(1000), 0.0), Lease), "the dead tell of none"


@pytest.mark.parametrize(
    ("hosts", "in_use", "beat_in", "ttl"),
    [(1000, True, 2.0, 6.0), (1000, False, 4.0, 12.0), (1001, True, 5.0, 15.0), (1001, False, 5.0, 15.0)],
)
def test_a_host_beats_more_slowly_at_rest_and_in_a_large_farm(
    hosts: int, in_use: bool, beat_in: float, ttl: float
) -> None:
    assert (pace(hosts, in_use).beat_in, pace(hosts, in_use).ttl) == (beat_in, ttl)
    farm = Leases()
    for number in range(hosts):
        farm.beat(str(number), Order(1, 1, 1), "k", OFFER, 0.0)
    assert farm.pace(in_use) == pace(hosts, in_use)
    lease = farm.beat("0", Order(1, 1, 2), "k", OFFER, 1.0, in_use)
    assert isinstance(lease, Lease)
    assert lease.ends == 1.0 + ttl


# The life of one agent: it lends (odd generations) and withdraws (even ones); its messages arrive in any order, some
# twice, some never.
Life = [
    (verb, Order(epoch, generation, seq))
    for seq, (epoch, generation, verb) in enumerate(
        (epoch, generation, "beat" if generation % 2 else "leave")
        for epoch, generation, times in itertools.product((1, 2), (1, 2, 3, 4), (0, 1))
        if times == 0 or generation % 2
    )
]


@given(st.lists(st.sampled_from(Life), min_size=1, max_size=30))
def test_no_order_of_delivery_resurrects_or_removes_a_host(messages: list[tuple[str, Order]]) -> None:
    farm = Leases()
    latest: tuple[Order, str] | None = None
    for verb, order in messages:
        if verb == "beat":
            farm.beat("desk", order, "k", OFFER, 0.0)
        else:
            farm.withdraw("desk", order, "k", 0.0, HOME)
        latest = max(latest, (order, verb)) if latest else (order, verb)
        assert ("desk" in farm.living) is (latest[1] == "beat")


@given(st.lists(st.tuples(st.sampled_from(Life), st.floats(0, 2 * TTL)), min_size=1, max_size=30))
def test_what_lives_was_heard_within_one_ttl(messages: list[tuple[tuple[str, Order], float]]) -> None:
    farm, now = Leases(), 0.0
    for (verb, order), later in messages:
        now += later
        farm.expire(now)
        if verb == "beat":
            farm.beat("desk", order, "k", OFFER, now)
        else:
            farm.withdraw("desk", order, "k", now, HOME)
        assert all(now - lease.heard < TTL for lease in farm.living.values())
