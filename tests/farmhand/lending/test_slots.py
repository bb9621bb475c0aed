"""How many slots are offered, and that the number stands still."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.lending.slots import slots_for
from farmhand.machine import Machine
from farmhand.settings import Settings

PLENTY = 1 << 20


def offer(
    cores: int = 8,
    others: float | None = 0.0,
    free: int | None = PLENTY,
    offered: int = 0,
    slots: int = 0,
    each: int = 1000,
    pressure: float | None = None,
    limit: int = 0,
    memory: int = 2 * PLENTY,
) -> int:
    machine = Machine("anna-desk", cores, memory)
    settings = Settings(slots=slots, memory_per_job=each, memory_limit=limit)
    return slots_for(settings, machine, others, free, offered, pressure)


@pytest.mark.parametrize(
    ("asked", "slots"),
    [
        ({}, 8),
        ({"cores": 1}, 1),
        ({"slots": 3}, 3),
        ({"slots": 12}, 12),
        ({"slots": 12, "others": 0.5}, 6),
        ({"others": None}, 8),
        ({"others": 0.06}, 8),
        ({"others": 0.07}, 7),
        ({"others": 0.99}, 1),
        ({"others": 1.0}, 1),
        ({"pressure": 0.05}, 8),
        ({"pressure": 0.275}, 4),
        ({"pressure": 0.275, "others": 0.5}, 2),
        ({"pressure": 0.5}, 1),
        ({"pressure": 1.0}, 1),
        ({"pressure": 1.0, "free": 0}, 0),
        ({"free": None}, 0),
        ({"free": 0}, 0),
        ({"free": 1249}, 0),
        ({"free": 1250}, 1),
        ({"free": 3500}, 3),
        ({"free": 3500, "others": 0.75}, 2),
        ({"limit": 3500}, 3),
        ({"limit": 3500, "free": 2500}, 2),
        ({"limit": 3500, "memory": 1000}, 3),
        ({"memory": 4000}, 2),
        ({"memory": 8000}, 5),
    ],
)
def test_a_fresh_offer(asked: dict[str, Any], slots: int) -> None:
    assert offer(**asked) == slots


@pytest.mark.parametrize(
    ("asked", "slots"),
    [
        ({"offered": 8, "others": 0.09}, 8),  # 7.28 slots' room: 0.72 off
        ({"offered": 8, "others": 0.10}, 7),  # 7.2
        ({"offered": 5, "others": 0.29}, 5),  # 5.68
        ({"offered": 5, "others": 0.28}, 6),  # 5.76
        ({"offered": 7, "others": 0.06}, 8),  # a free machine gives all
        ({"offered": 7, "others": 0.07}, 7),
        ({"offered": 60, "cores": 64, "others": 0.10}, 60),  # 57.6: within 5 % of 64
        ({"offered": 61, "cores": 64, "others": 0.10}, 58),
        ({"offered": 9, "slots": 4}, 4),  # the owner lowered the setting
        ({"offered": 9, "slots": 9, "others": 0.5, "cores": 4}, 5),
        ({"offered": 5, "slots": 4, "others": 0.1}, 4),  # 3.6 of 4, and near to 4.35
        ({"offered": 3, "free": 3000}, 3),
        ({"offered": 3, "free": 2999}, 2),
        ({"offered": 2, "free": 3249}, 2),
        ({"offered": 2, "free": 3250}, 3),
        ({"offered": 1, "free": 999}, 0),
    ],
)
def test_a_standing_offer(asked: dict[str, int], slots: int) -> None:
    assert offer(**asked) == slots


def test_a_lowered_setting_counts_at_once_even_near_the_room() -> None:
    assert offer(slots=4, others=0.2, offered=5) == 3, "3.2 slots' room is near neither 5 nor the ceiling"
    assert offer(slots=20, others=0.1, offered=21) == 18, "5 % of 20 slots would be near enough, but 21 is too many"
    assert offer(slots=30, others=0.05, offered=31) == 29


rooms = {
    "cores": st.integers(1, 128),
    "others": st.floats(0, 1),
    "free": st.integers(0, 100_000),
    "slots": st.integers(0, 256),
}


@given(offered=st.integers(0, 256), **rooms)
def test_an_offer_never_exceeds_anything(cores: int, others: float, free: int, slots: int, offered: int) -> None:
    got = offer(cores, others, free, offered, slots)
    assert 0 <= got <= (slots or cores)
    assert got * 1000 <= free
    assert (got > 0) or free < 1250


@given(offered=st.integers(0, 256), **rooms)
def test_the_same_room_is_answered_the_same(cores: int, others: float, free: int, slots: int, offered: int) -> None:
    once = offer(cores, others, free, offered, slots)
    assert offer(cores, others, free, once, slots) == once


@given(offered=st.integers(1, 256), nudge=st.floats(-1, 1), **rooms)
def test_a_nudge_never_undoes_a_change(
    cores: int, others: float, free: int, slots: int, offered: int, nudge: float
) -> None:
    """After a change it takes a quarter of a slot's load, or of a job's memory, to come back."""
    before = min(offered, slots or cores)
    changed = offer(cores, others, free, before, slots)
    nudged = min(1.0, max(0.0, others + 0.24 * nudge / (slots or cores)))
    back = offer(cores, nudged, max(0, free + int(240 * nudge)), changed, slots)
    assert changed == before or back != before
