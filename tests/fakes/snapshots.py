"""What an agent says, and a look at what the tray makes of it."""

from __future__ import annotations

from typing import Any

from farmhand.wire.local import JobView, Snapshot
from farmhand_tray.demo import NOON
from farmhand_tray.view import Row, TrayView


def snapshot(state: str = "kept", **more: Any) -> Snapshot:
    """What an agent says that was idle for 14 minutes at NOON; `more` replaces fields."""
    base: dict[str, Any] = {
        "version": "1",
        "name": "orchard",
        "state": state,
        "since": NOON - 840,
        "rule": "idle",
        "reason": "there was no input for 300 s",
    }
    return Snapshot(**{**base, **more})


def job(user: str = "anna", host: str = "atlas", file: str = "foo.c", ago: float = 12.0) -> JobView:
    """A job that began `ago` seconds before NOON."""
    return JobView(user, host, "renderer", file, "gcc", NOON - ago, 0.0)


def labels(view: TrayView) -> list[str]:
    """The texts of the menu, from the top."""
    return [row.label for row in view.menu]


def row(view: TrayView, label: str) -> Row:
    """The row of the menu with this text."""
    return next(one for one in view.menu if one.label == label)
