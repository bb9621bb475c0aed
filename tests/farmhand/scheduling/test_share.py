from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from farmhand.scheduling.share import Claim, Division, Room, divide, suits

GCC, CLANG = frozenset({"gcc"}), frozenset({"clang"})


def share(rooms: Sequence[Room], claims: Sequence[Claim], last: Division | None = None) -> dict[str, dict[str, int]]:
    return {build: dict(hosts) for build, hosts in divide(rooms, claims, last or {}).items()}


def total(division: Division, build: str) -> int:
    return sum(division[build].values())


# --- who gets how much ------------------------------------------------------
def test_a_build_gets_what_it_wants_where_there_is_plenty() -> None:
    assert share([Room("x", 8)], [Claim("a", 3)]) == {"a": {"x": 3}}


def test_a_build_without_demand_gets_nothing_and_is_told_so() -> None:
    assert share([Room("x", 8)], [Claim("a", 0)]) == {"a": {}}


def test_no_hosts() -> None:
    assert share([Room("x", 0)], [Claim("a", 3)]) == {"a": {}}


def test_two_builds_share_alike() -> None:
    assert share([Room("x", 8)], [Claim("a", 9), Claim("b", 9)]) == {"a": {"x": 4}, "b": {"x": 4}}


def test_the_odd_slot_goes_to_the_first() -> None:
    assert share([Room("x", 3)], [Claim("a", 9), Claim("b", 9)]) == {"a": {"x": 2}, "b": {"x": 1}}


def test_what_one_does_not_want_goes_to_the_others() -> None:
    assert share([Room("x", 8)], [Claim("a", 1), Claim("b", 99)]) == {"a": {"x": 1}, "b": {"x": 7}}


def test_weights_count() -> None:
    division = share([Room("x", 9)], [Claim("a", 99), Claim("b", 99, weight=2.0)])
    assert division == {"a": {"x": 3}, "b": {"x": 6}}


def test_it_is_capacity_that_is_shared_not_slots() -> None:
    division = share([Room("fast", 2, speed=4.0), Room("slow", 8)], [Claim("a", 99), Claim("b", 99)])
    assert division == {"a": {"fast": 1, "slow": 4}, "b": {"fast": 1, "slow": 4}}


# --- where ------------------------------------------------------------------
def test_the_fastest_hosts_come_first() -> None:
    rooms = [Room("slow", 4, speed=0.5), Room("fast", 2, speed=2.0), Room("usual", 4)]
    assert share(rooms, [Claim("a", 3)]) == {"a": {"fast": 2, "usual": 1}}


def test_a_build_starts_with_its_own_machine_however_slow() -> None:
    rooms = [Room("desk", 2, speed=0.5), Room("fast", 4, speed=2.0)]
    assert share(rooms, [Claim("a", 3, own="desk")]) == {"a": {"desk": 2, "fast": 1}}


def test_others_stay_away_from_a_machine_that_its_own_build_needs() -> None:
    rooms = [Room("desk", 2, speed=9.0), Room("far", 2)]
    division = share(rooms, [Claim("stranger", 2), Claim("a", 2, own="desk")])
    assert division == {"stranger": {"far": 2}, "a": {"desk": 2}}


def test_others_use_what_the_own_build_does_not_need() -> None:
    rooms = [Room("desk", 5, speed=9.0), Room("far", 2)]
    division = share(rooms, [Claim("stranger", 5), Claim("a", 1, own="desk")])
    assert division == {"stranger": {"desk": 4, "far": 1}, "a": {"desk": 1}}


def test_the_own_build_owns_no_more_than_its_fair_share() -> None:
    division = share([Room("desk", 4)], [Claim("a", 4, own="desk"), Claim("b", 4)])
    assert division == {"a": {"desk": 2}, "b": {"desk": 2}}


def test_of_equal_hosts_the_freest_comes_first() -> None:
    assert share([Room("x", 4), Room("y", 4)], [Claim("a", 4)]) == {"a": {"x": 2, "y": 2}}
    assert share([Room("x", 4), Room("y", 1)], [Claim("a", 3)]) == {"a": {"x": 3}}


# --- which hosts ------------------------------------------------------------
def test_a_toolchain_must_match_where_both_sides_know_theirs() -> None:
    assert suits(Claim("a", 1), Room("x", 1, toolchains=GCC))
    assert suits(Claim("a", 1, toolchains=GCC), Room("x", 1))
    assert suits(Claim("a", 1, toolchains=GCC | CLANG), Room("x", 1, toolchains=GCC))
    assert not suits(Claim("a", 1, toolchains=CLANG), Room("x", 1, toolchains=GCC))


def test_a_loopback_address_serves_builds_of_the_same_machine_only() -> None:
    assert suits(Claim("a", 1, loopback=True), Room("x", 1, loopback=True))
    assert suits(Claim("a", 1, loopback=True), Room("x", 1))
    assert not suits(Claim("a", 1), Room("x", 1, loopback=True))


def test_an_unsuitable_own_machine_is_nobody_s_own() -> None:
    rooms = [Room("desk", 2, toolchains=GCC)]
    claims = [Claim("a", 2, own="desk", toolchains=CLANG), Claim("b", 2)]
    assert share(rooms, claims) == {"a": {}, "b": {"desk": 2}}


def test_who_can_go_elsewhere_makes_room_for_who_cannot() -> None:
    rooms = [Room("any", 2, speed=2.0), Room("gcc only", 2, toolchains=GCC)]
    claims = [Claim("gcc", 2, toolchains=GCC), Claim("clang", 2, toolchains=CLANG)]
    assert share(rooms, claims) == {"gcc": {"gcc only": 2}, "clang": {"any": 2}}


def test_a_chain_of_builds_moves_up() -> None:
    one, two = frozenset({"1"}), frozenset({"2"})
    rooms = [
        Room("x", 1, speed=3.0, toolchains=one),
        Room("y", 1, speed=2.0, toolchains=one | two),
        Room("z", 1, toolchains=two),
    ]
    claims = [Claim("b", 1, toolchains=two), Claim("a", 1, toolchains=one), Claim("c", 1, toolchains=one)]
    assert share(rooms, claims) == {"b": {"z": 1}, "a": {"x": 1}, "c": {"y": 1}}


def test_making_room_leaves_nobody_poor() -> None:
    rooms = [Room("any", 2, speed=4.0), Room("gcc", 6, toolchains=GCC)]
    claims = [
        Claim("gcc", 9, toolchains=GCC),
        Claim("clang", 2, toolchains=CLANG),
        Claim("also gcc", 9, toolchains=GCC),
    ]
    assert share(rooms, claims) == {"gcc": {"any": 1, "gcc": 1}, "clang": {"any": 1}, "also gcc": {"gcc": 5}}


def test_a_build_gives_slots_elsewhere_before_those_at_home() -> None:
    rooms = [Room("fast", 2), Room("desk", 1, speed=0.5)]
    division = share(rooms, [Claim("a", 2, own="desk"), Claim("b", 2, weight=2.0)])
    assert division == {"a": {"desk": 1, "fast": 1}, "b": {"fast": 1}}


def test_builds_swap_to_be_at_home() -> None:
    rooms = [Room("desk", 1), Room("lab", 1)]
    division = share(rooms, [Claim("x", 1), Claim("a", 1, own="desk"), Claim("b", 1, own="lab")])
    assert division == {"x": {"lab": 1}, "a": {"desk": 1}, "b": {}}


# --- what stays -------------------------------------------------------------
def test_a_build_keeps_its_slots_when_another_comes() -> None:
    rooms = [Room("x", 2), Room("y", 2)]
    division = share(rooms, [Claim("a", 2), Claim("b", 2)], last={"b": {"x": 2}})
    assert division == {"a": {"y": 2}, "b": {"x": 2}}


def test_a_build_keeps_the_kind_of_host_that_it_had() -> None:
    rooms = [Room("x", 2, toolchains=GCC), Room("y", 2, toolchains=CLANG)]
    assert share(rooms, [Claim("a", 2)], last={"a": {"y": 2}}) == {"a": {"y": 2}}
    assert share(rooms, [Claim("a", 2)], last={"a": {"x": 2}}) == {"a": {"x": 2}}


def test_what_is_gone_is_forgotten() -> None:
    assert share([Room("x", 2)], [Claim("a", 2)], last={"a": {"gone": 2}, "gone": {"x": 2}}) == {"a": {"x": 2}}


def test_a_host_that_offers_less_keeps_what_fits() -> None:
    rooms = [Room("x", 1), Room("y", 4)]
    assert share(rooms, [Claim("a", 3)], last={"a": {"x": 3}}) == {"a": {"x": 1, "y": 2}}


# --- for every farm ---------------------------------------------------------
Toolchains = st.sampled_from([frozenset[str](), GCC, CLANG, GCC | CLANG])


@st.composite
def farms(
    draw: st.DrawFn, speeds: Sequence[float] = (0.5, 1.0, 2.0), alike: bool = False
) -> tuple[list[Room], list[Claim]]:
    """Some hosts and builds; `alike` ones suit each other all."""
    tools = st.just(frozenset[str]()) if alike else Toolchains
    local = st.just(False) if alike else st.booleans()
    hosts = [f"h{number}" for number in range(draw(st.integers(0, 4)))]
    rooms = [
        Room(host, draw(st.integers(0, 6)), draw(st.sampled_from(speeds)), draw(tools), draw(local)) for host in hosts
    ]
    claims = [
        Claim(
            f"b{number}",
            draw(st.integers(0, 9)),
            draw(st.sampled_from(["", *hosts])),
            draw(tools),
            draw(local),
            draw(st.sampled_from([1.0, 2.0])) if alike else 1.0,
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    return rooms, claims


@given(farms(), farms())
def test_nothing_is_ever_over_committed(
    farm: tuple[list[Room], list[Claim]], before: tuple[list[Room], list[Claim]]
) -> None:
    rooms, claims = farm
    division = share(rooms, claims, last=share(*before))
    by_name = {room.host: room for room in rooms}
    for room in rooms:
        assert sum(hosts.get(room.host, 0) for hosts in division.values()) <= room.slots
    for claim in claims:
        assert total(division, claim.build) <= claim.want
        assert all(slots > 0 and suits(claim, by_name[host]) for host, slots in division[claim.build].items())


@given(farms())
def test_no_slot_stays_free_that_somebody_could_use(farm: tuple[list[Room], list[Claim]]) -> None:
    rooms, claims = farm
    division = share(rooms, claims)
    for room in rooms:
        if sum(hosts.get(room.host, 0) for hosts in division.values()) < room.slots:
            assert all(total(division, claim.build) == claim.want for claim in claims if suits(claim, room))


@given(farms(alike=True))
def test_nobody_is_richer_by_more_than_a_slot_than_one_who_wants_more(farm: tuple[list[Room], list[Claim]]) -> None:
    rooms, claims = farm
    division = share(rooms, claims)
    speed = {room.host: room.speed for room in rooms}

    def level(claim: Claim) -> float:
        return sum(speed[host] * slots for host, slots in division[claim.build].items()) / claim.weight

    for poor, rich in itertools.permutations(claims, 2):
        if total(division, poor.build) < poor.want and division[rich.build]:
            one_slot = max(speed[host] for host in division[rich.build]) / rich.weight
            assert level(rich) - one_slot <= level(poor) + 1e-9


@settings(max_examples=500)
@given(farms())
def test_nobody_could_hand_a_slot_to_a_poorer_one_and_stay_richer(farm: tuple[list[Room], list[Claim]]) -> None:
    rooms, claims = farm
    division = share(rooms, claims)
    by_name = {room.host: room for room in rooms}
    level = {
        claim.build: sum(by_name[host].speed * slots for host, slots in division[claim.build].items())
        for claim in claims
    }
    for poor, rich in itertools.permutations(claims, 2):
        for host in division[rich.build]:
            at_home = host == rich.own and set(division[rich.build]) != {host} and host != poor.own
            if total(division, poor.build) < poor.want and suits(poor, by_name[host]) and not at_home:
                assert level[rich.build] - by_name[host].speed <= level[poor.build] + 1e-9


def every_division(rooms: Sequence[Room], claims: Sequence[Claim]) -> Iterator[dict[str, int]]:
    """All ways to divide, as slots by build."""
    free = [room.slots for room in rooms]

    def place(number: int, left: int, where: int) -> Iterator[dict[str, int]]:
        if number == len(claims):
            yield {}
            return
        claim = claims[number]
        if where == len(rooms):
            for rest in place(number + 1, claims[number + 1].want if number + 1 < len(claims) else 0, 0):
                yield {claim.build: claim.want - left, **rest}
            return
        most = min(left, free[where]) if suits(claim, rooms[where]) else 0
        for count in range(most + 1):
            free[where] -= count
            yield from place(number, left - count, where + 1)
            free[where] += count

    yield from place(0, claims[0].want if claims else 0, 0)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 3), Toolchains), max_size=3),
    st.lists(st.tuples(st.integers(0, 3), Toolchains), min_size=1, max_size=3),
)
def test_no_other_division_is_fairer(
    hosts: list[tuple[int, frozenset[str]]], builds: list[tuple[int, frozenset[str]]]
) -> None:
    rooms = [Room(f"h{number}", slots, 1.0, tools) for number, (slots, tools) in enumerate(hosts)]
    claims = [Claim(f"b{number}", want, "", tools) for number, (want, tools) in enumerate(builds)]
    division = share(rooms, claims)
    ours = sorted(total(division, claim.build) for claim in claims)
    assert ours == max(sorted(other.values()) for other in every_division(rooms, claims))


@given(farms(alike=True, speeds=(1.0,)))
def test_nobody_works_elsewhere_while_a_stranger_uses_its_machine(farm: tuple[list[Room], list[Claim]]) -> None:
    rooms, claims = farm
    division = share(rooms, claims)
    slots = {room.host: room.slots for room in rooms}
    for claim in claims:
        if claim.own and set(division[claim.build]) - {claim.own}:
            at_home = sum(division[one.build].get(claim.own, 0) for one in claims if one.own == claim.own)
            assert at_home == slots[claim.own]


@given(farms(alike=True))
def test_a_build_uses_no_slower_host_while_a_faster_one_has_room(farm: tuple[list[Room], list[Claim]]) -> None:
    rooms, claims = farm
    division = share(rooms, claims)
    speed = {room.host: room.speed for room in rooms}
    for claim in claims:
        used = [speed[host] for host in division[claim.build] if host != claim.own]
        for room in rooms:
            if used and sum(hosts.get(room.host, 0) for hosts in division.values()) < room.slots:
                assert room.speed <= min(used)


@given(farms(), st.randoms())
def test_the_order_of_the_hosts_does_not_matter(farm: tuple[list[Room], list[Claim]], chance: object) -> None:
    rooms, claims = farm
    shuffled = list(rooms)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert share(shuffled, claims) == share(rooms, claims)


@given(farms())
def test_dividing_again_and_again_comes_to_rest(farm: tuple[list[Room], list[Claim]]) -> None:
    rooms, claims = farm
    divisions = [share(rooms, claims)]
    for _ in range(4):
        divisions.append(share(rooms, claims, last=divisions[-1]))
    assert divisions[-1] == divisions[-2], "nobody is sent to and fro"


@given(farms(alike=True, speeds=(1.0,)))
def test_dividing_again_moves_nothing_at_once_where_hosts_are_alike_and_nobody_is_at_home(
    farm: tuple[list[Room], list[Claim]],
) -> None:
    rooms, claims = farm[0], [replace(claim, own="") for claim in farm[1]]
    division = share(rooms, claims)
    assert share(rooms, claims, last=division) == division


def test_who_keeps_slots_on_a_host_that_its_owner_needs_keeps_them_elsewhere_too() -> None:
    rooms = [Room("h0", 4), Room("h1", 2)]
    claims = [Claim("b0", 3, weight=2.0), Claim("b1", 2, own="h0"), Claim("b2", 2, weight=2.0)]
    division = share(rooms, claims)
    assert share(rooms, claims, last=division) == division
