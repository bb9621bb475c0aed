"""Senses on a machine that has much else to do."""

from __future__ import annotations

import pytest

from farmhand_agent.sensors import wayland_session, x11


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give X servers and compositors a second to say that they live; an agent cannot wait so long for one of many."""
    for sense in (x11, wayland_session):
        monkeypatch.setattr(sense, "ANSWER_WITHIN", 1.0)
