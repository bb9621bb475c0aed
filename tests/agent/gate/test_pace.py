"""How slowly a client may send."""

from __future__ import annotations

import pytest

from farmhand_agent.gate.pace import LEAST_RATE, Pace


def test_it_may_take_its_time_once() -> None:
    pace = Pace(stall=10.0)
    assert pace.patience == 10.0
    pace.note(1, 9.0)
    assert pace.patience == pytest.approx(1.0, abs=0.001)
    pace.note(1, 0.9)
    assert pace.patience == pytest.approx(0.1, abs=0.001)


def test_a_byte_now_and_then_ends_it() -> None:
    pace, time = Pace(stall=10.0), 0.0
    while pace.patience > 1.0:
        pace.note(1, 1.0)
        time += 1.0
    assert time == 10.0


def test_what_comes_at_the_least_rate_may_go_on_for_ever() -> None:
    pace = Pace(stall=10.0)
    for _ in range(600):
        assert pace.patience == pytest.approx(10.0)
        pace.note(int(LEAST_RATE), 1.0)


def test_who_was_quick_may_be_slow_later_but_not_silent() -> None:
    pace = Pace(stall=10.0, rate=1000.0)
    pace.note(50_000, 1.0)
    assert pace.patience == 10.0
    for _ in range(5):
        pace.note(1, 9.9)
    assert pace.patience == pytest.approx(59.005 - 49.5)


def test_who_has_used_up_all_time_has_none() -> None:
    pace = Pace(stall=10.0)
    pace.note(1, 11.0)
    assert pace.patience == 0.0
