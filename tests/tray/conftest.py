"""Qt draws into memory in these tests, but for those that bring a display of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.desktop import Desktop
from fakes.waiting import PATIENCE
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot, SignalBlocker

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)

LONG = round(PATIENCE * 1000)
"""Milliseconds."""


class PatientQtBot(QtBot):
    """Waits as long as all other tests do."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = LONG) -> None:
        """Wait in Qt's loop."""
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = LONG, **options: Any) -> SignalBlocker:
        """Wait for a signal."""
        return super().waitSignal(signal, timeout=timeout, **options)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientQtBot(request)


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    with Desktop(tmp_path) as one:
        yield one
