"""Which slot is the best one, and when a host may be trusted again."""

from __future__ import annotations

import pytest

from farmhand.dispatch.jobs import Here, Host
from farmhand.dispatch.placement import (
    LONGEST_SHUN,
    Standing,
    any_usable,
    better_here,
    choose,
    fits,
    lacking,
    lose,
    next_chance,
    renew,
    succeed,
    without_own,
)


def host(name: str, slots: int = 2, speed: float = 1.0, *toolchains: str) -> Host:
    return Host(name, "127.0.0.1", 3632, slots, speed, toolchains=frozenset(toolchains))


def chosen(*standings: Standing, used: dict[str, int] | None = None, now: float = 0.0) -> str:
    best = choose(standings, used or {}, now)
    return best.host.name if best else ""


SLOW, FAST = Standing(host("slow", 4, 1.0)), Standing(host("fast", 2, 3.0))


def test_the_fastest_free_slot_wins() -> None:
    assert chosen(SLOW, FAST) == "fast"
    assert chosen(SLOW, FAST, used={"fast": 1}) == "fast"
    assert chosen(SLOW, FAST, used={"fast": 2}) == "slow"
    assert chosen(SLOW, FAST, used={"fast": 2, "slow": 4}) == ""


def test_of_equals_the_emptier_one_wins_and_then_the_name_decides() -> None:
    a, b = Standing(host("a", 4)), Standing(host("b", 2))
    assert chosen(a, b, used={"a": 1, "b": 1}) == "a"
    assert chosen(a, b, used={"a": 3, "b": 1}) == "b"
    assert chosen(a, b) == chosen(b, a) == "b"


def test_a_host_whose_claim_shrank_below_its_jobs_gets_none() -> None:
    assert FAST.free(3, 0.0) == -1
    assert chosen(FAST, used={"fast": 3}) == ""


def test_a_lost_host_is_shunned_then_on_probation_behind_all_others() -> None:
    lost = lose(FAST, 10.0)
    assert chosen(lost, now=10.9) == ""
    assert chosen(lost, now=11.0) == "fast"
    assert chosen(lost, SLOW, now=11.0) == "slow"
    assert chosen(lost, used={"fast": 1}, now=11.0) == ""


def test_a_host_without_slots_gets_nothing_on_probation_either() -> None:
    assert chosen(lose(Standing(host("none", 0)), 0.0), now=99.0) == ""


def test_losses_at_once_count_once_and_later_ones_double_up_to_a_bound() -> None:
    now, standing, spans = 0.0, FAST, list[float]()
    for _ in range(6):
        standing = lose(standing, now)
        assert lose(standing, now + 0.5) == standing
        spans.append(standing.span)
        now += standing.span
    assert spans == [1.0, 2.0, 4.0, 8.0, 15.0, LONGEST_SHUN]


def test_a_good_job_forgets_all() -> None:
    assert succeed(lose(FAST, 0.0)) == FAST


def test_a_renewal_trusts_again_but_remembers_how_long_the_shun_was() -> None:
    lost = lose(FAST, 0.0)
    assert renew(lost, host("fast", 8, 3.0), 0.9) == Standing(host("fast", 8, 3.0), 1.0, 1.0)
    again = renew(lost, host("fast", 8, 3.0), 1.0)
    assert again == Standing(host("fast", 8, 3.0), None, 1.0)
    assert lose(again, 2.0).span == 2.0


@pytest.mark.parametrize(
    ("other", "better"),
    [
        (None, True),
        (Standing(host("a", speed=1.9)), True),
        (Standing(host("a", speed=2.0)), True),
        (Standing(host("a", speed=2.1)), False),
        (Standing(host("a", speed=9.0), shunned_until=5.0), True),
    ],
)
def test_this_machine_is_better_when_it_is_as_fast_or_the_other_is_in_doubt(
    other: Standing | None, better: bool
) -> None:
    assert better_here(Here(2, speed=2.0), other) is better


def test_the_next_chance_is_the_first_end_of_a_shun() -> None:
    assert next_chance([FAST], 0.0) is None
    assert next_chance([FAST, lose(SLOW, 1.0), lose(FAST, 0.5)], 1.0) == 1.5
    assert next_chance([lose(FAST, 0.0)], 1.0) is None


def test_this_machine_is_no_host_of_its_own_but_tells_its_speed() -> None:
    here = Here(2, name="me")
    assert without_own((host("me", speed=2.5), host("a")), here) == ((host("a"),), Here(2, speed=2.5, name="me"))
    assert without_own((host("a"),), here) == ((host("a"),), here)


def test_a_host_is_usable_unless_it_is_shunned_or_has_no_slots() -> None:
    assert any_usable([lose(FAST, 0.0), SLOW], 0.5)
    assert not any_usable([lose(FAST, 0.0)], 0.5)
    assert any_usable([lose(FAST, 0.0)], 1.0)
    assert not any_usable([Standing(host("none", 0))], 0.0)
    assert not any_usable([], 0.0)


@pytest.mark.parametrize(
    ("needs", "toolchains", "good"),
    [
        ("gcc=1", ("gcc=1", "cc=1"), True),
        ("gcc=1", ("gcc=2", "gcc-1=1"), False),
        ("gcc=1", (), True),
        ("", ("gcc=2",), True),
        ("", (), True),
    ],
)
def test_a_host_fits_when_it_has_the_toolchain_or_one_side_is_unknown(
    needs: str, toolchains: tuple[str, ...], good: bool
) -> None:
    assert fits(host("a", 1, 1.0, *toolchains), needs) is good


def test_a_toolchain_is_lacking_when_there_are_hosts_and_none_has_it() -> None:
    one, two, none = (Standing(host(name, slots, 1.0, f"gcc={name}")) for name, slots in (("1", 1), ("2", 1), ("3", 0)))
    assert lacking([one, two], "gcc=3")
    assert lacking([one, two, none], "gcc=3"), "a host without slots helps nobody"
    assert not lacking([one, two], "gcc=2")
    assert not lacking([lose(one, 0.0)], "gcc=1"), "shunned, but it has it"
    assert not lacking([one, Standing(host("4"))], "gcc=3"), "it may have it"
    assert not lacking([one], "")
    assert not lacking([none], "gcc=1")
    assert not lacking([], "gcc=1")
