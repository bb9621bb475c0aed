"""A touch after an absence: the owner, or only the desk."""

from __future__ import annotations

import pytest

from farmhand_agent.sensors.nudge import BRUSH, QUIET, Doubt, Verdict


@pytest.mark.parametrize(
    ("idle", "now", "verdict"),
    [
        (0.0, 100.0, Verdict.OPEN),
        (0.0, 100.0 + BRUSH - 0.01, Verdict.OPEN),
        (0.0, 100.0 + BRUSH + 0.01, Verdict.RETURN),
        (BRUSH, 100.0 + BRUSH, Verdict.OPEN),
        (BRUSH, 100.0 + BRUSH + 0.2, Verdict.OPEN),
        (1.0, 102.0, Verdict.RETURN),
        (QUIET, 100.0 + QUIET + 0.2, Verdict.NUDGE),
        (QUIET, 100.0 + QUIET + 0.4, Verdict.RETURN),
    ],
)
def test_what_a_touch_was(idle: float, now: float, verdict: Verdict) -> None:
    assert Doubt(100.0).judge(idle, now) is verdict
