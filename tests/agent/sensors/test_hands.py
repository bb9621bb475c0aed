"""Hands in several places."""

from __future__ import annotations

from typing import Any

import pytest

from farmhand_agent.sensors.hands import NEVER, NOBODY, any_hands

TYPING: dict[str, Any] = {"in_use": True, "idle_since": None}
PAUSE: dict[str, Any] = {"in_use": True, "idle_since": 90.0}
AWAY: dict[str, Any] = {"in_use": False, "idle_since": 10.0}
LATER_AWAY: dict[str, Any] = {"in_use": False, "idle_since": 20.0}
UNKNOWN: dict[str, Any] = {"in_use": None, "idle_since": None}
TOUCHED: dict[str, Any] = {"in_use": True, "idle_since": None, "touched_once_at": 99.0}
TOUCHED_BEFORE: dict[str, Any] = {"in_use": True, "idle_since": None, "touched_once_at": 98.0}


@pytest.mark.parametrize(
    ("says", "in_use", "idle_since", "touched_once_at"),
    [
        ((), False, NEVER, None),
        ((NOBODY.values,), False, NEVER, None),
        ((AWAY, LATER_AWAY, NOBODY.values), False, 20.0, None),
        ((AWAY, TYPING), True, None, None),
        ((AWAY, PAUSE), True, 90.0, None),
        ((TYPING, PAUSE), True, None, None),
        ((AWAY, UNKNOWN), None, None, None),
        ((UNKNOWN, PAUSE), True, None, None),
        ((AWAY, TOUCHED), True, None, 99.0),
        ((TOUCHED, TOUCHED_BEFORE, AWAY), True, None, 98.0),
        ((TOUCHED, PAUSE), True, None, None),
        ((TOUCHED, UNKNOWN), True, None, 99.0),
    ],
)
def test_one_place_with_hands_is_enough(
    says: tuple[dict[str, Any], ...], in_use: bool | None, idle_since: float | None, touched_once_at: float | None
) -> None:
    merged = any_hands(says).values
    assert merged == {"in_use": in_use, "idle_since": idle_since, "touched_once_at": touched_once_at}
