"""What time without input means."""

from __future__ import annotations

import pytest

from farmhand_agent.sensors.rest import PAUSE, pause_before, rest, stage


@pytest.mark.parametrize(
    ("idle", "idle_after", "in_use", "idle_since", "stage_number"),
    [
        (0.0, 300.0, True, None, 0),
        (PAUSE - 0.001, 300.0, True, None, 0),
        (PAUSE, 300.0, True, 1000.0 - PAUSE, 1),
        (299.9, 300.0, True, 700.1, 1),
        (300.0, 300.0, False, 700.0, 2),
        (0.9, 1.0, True, None, 0),
        (1.0, 1.0, False, 999.0, 2),
    ],
)
def test_stages(idle: float, idle_after: float, in_use: bool, idle_since: float | None, stage_number: int) -> None:
    reading = rest(idle, 1000.0, idle_after)
    assert reading.values == {"in_use": in_use, "idle_since": pytest.approx(idle_since)}
    assert stage(idle, idle_after) == stage_number


def test_a_pause_is_never_longer_than_leaving() -> None:
    assert pause_before(1.0) == 1.0
    assert pause_before(300.0) == PAUSE
