"""Senses on a machine that has much else to do, and that may have displays and hands of its own."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from farmhand_agent.sensors import displays, wayland_session


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give X servers and compositors a second to say that they live; an agent cannot wait so long for one of many."""
    for sense in (displays, wayland_session):
        monkeypatch.setattr(sense, "ANSWER_WITHIN", 1.0)


@pytest.fixture(autouse=True)
def only_own_displays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the displays of whoever runs the tests: only servers that a test has started are found."""
    everything = displays.numbers

    def numbers(sockets: Path = displays.SOCKETS, table: Path = displays.TABLE) -> tuple[int, ...]:
        started = {child.pid for child in psutil.Process().children(recursive=True)}
        found = everything(sockets, table)
        return tuple(one for one in found if sockets != displays.SOCKETS or displays.listener(one)[0] in started)

    monkeypatch.setattr(displays, "numbers", numbers)
