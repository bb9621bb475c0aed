"""How much may be remembered for one source and for all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farmhand.scheduling.quota import Quota


def test_what_a_source_holds_counts_for_it_and_for_all() -> None:
    quota = Quota(most=10, most_each=6)
    quota.put("a", "atlas", 4)
    assert quota.fits("b", "atlas", 2)
    assert not quota.fits("b", "atlas", 3)
    quota.put("b", "borg", 5)
    assert quota.fits("c", "cray", 1)
    assert not quota.fits("c", "cray", 2)
    assert len(quota) == 9


def test_a_name_makes_room_for_itself() -> None:
    quota = Quota(most=10, most_each=6)
    quota.put("a", "atlas", 6)
    assert quota.fits("a", "atlas", 6)
    assert quota.fits("a", "borg", 6)
    quota.put("a", "borg", 2)
    assert (quota.source("a"), len(quota)) == ("borg", 2)
    assert quota.fits("b", "atlas", 6)


def test_what_is_dropped_counts_no_more() -> None:
    quota = Quota(most=1, most_each=1)
    quota.put("a", "atlas", 1)
    quota.drop("a")
    quota.drop("a")
    assert quota.source("a") is None
    assert quota.fits("b", "atlas", 1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 5), st.booleans())))
def test_it_keeps_count(doings: list[tuple[str, str, int, bool]]) -> None:
    quota, held = Quota(12, 8), dict[str, tuple[str, int]]()
    for name, source, size, drops in doings:
        if drops:
            quota.drop(name)
            held.pop(name, None)
        elif quota.fits(name, source, size):
            quota.put(name, source, size)
            held[name] = source, size
        assert len(quota) == sum(size for _, size in held.values()) <= 12
        assert all(sum(size for whose, size in held.values() if whose == one) <= 8 for one in "xy")
