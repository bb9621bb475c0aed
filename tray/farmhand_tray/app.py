"""Ties the parts of the tray together: link -> `present` -> icon, menu and window, and clicks back to the link.

1. There is one way to the screen, `Tray.refresh`, and one to the agent, `Tray.act`.
2. The only timer is armed while the window is in sight and a text in it grows old by itself.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QCoreApplication, QObject, QTimer

from farmhand.wire.local import Snapshot
from farmhand_tray.icon import TrayIcon
from farmhand_tray.link import AgentLink
from farmhand_tray.menu import TrayMenu
from farmhand_tray.starter import AgentStarter
from farmhand_tray.view import Absence, Action, TrayView
from farmhand_tray.viewmodel import present, request
from farmhand_tray.window import FarmhandWindow

MORNING = 6
"""Hour of the day at which "until tomorrow morning" ends."""

QUIT_PATIENCE_MS = 5000
"""How long to wait for the agent to give the machine back before the tray ends all the same."""


def local_time(seconds: float) -> datetime:
    """The wall clock of this place at a moment in Unix seconds."""
    return datetime.fromtimestamp(seconds, UTC).astimezone()


def next_morning(now: float) -> float:
    """Unix seconds of the next day's morning, by the clock of this place."""
    day = local_time(now).date() + timedelta(days=1)
    return time.mktime((day.year, day.month, day.day, MORNING, 0, 0, 0, 0, -1))


class Tray(QObject):
    """The whole tray.

    Attributes:
        menu, icon, window: its three faces.
        view: what they show.
    """

    def __init__(self, link: AgentLink, starter: AgentStarter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._starter = link, starter
        self._snapshot: Snapshot | None = None
        self._absence, self._start_problem, self._refused = Absence(), "", ""
        self.menu = TrayMenu(self)
        self.icon = TrayIcon(self.menu, self)
        self.window = FarmhandWindow()
        self._ageing = QTimer(self)
        self._ageing.setSingleShot(True)
        self._ageing.timeout.connect(self.refresh)
        self.view: TrayView = self._present()
        link.snapshot.connect(self._on_snapshot)
        link.absence.connect(self._on_absence)
        link.answered.connect(self._on_answered)
        link.gone.connect(self.end)
        starter.failed.connect(self._on_start_failed)
        self.menu.chosen.connect(self.act)
        self.menu.opening.connect(self.refresh)
        self.icon.clicked.connect(self.toggle_window)
        self.icon.homeless.connect(self.window.bring_up)
        self.window.pressed.connect(self._on_pressed)
        self.window.chosen.connect(self.act)
        self.window.seen.connect(self.refresh)

    def begin(self) -> None:
        """Appear, and look for the agent."""
        self.refresh()
        self._link.begin()

    def refresh(self) -> None:
        """Bring everything that is shown up to date."""
        self.view = self._present()
        self.icon.show(self.view.icon, self.view.tooltip)
        self.menu.show_rows(self.view.menu)
        self.window.show_view(self.view)
        self._ageing.stop()
        if self.view.next_change_at is not None and self.window.isVisible() and not self.window.isMinimized():
            self._ageing.start(math.ceil(max(0.0, self.view.next_change_at - time.time()) * 1000) + 1)

    def act(self, action: Action, who: str = "") -> None:
        """Do what a click asks for; `who` is whom it is about."""
        if action is Action.OPEN_WINDOW:
            self.window.bring_up()
        elif action is Action.START_AGENT:
            self._starter.start(by_hand=True)
            self._link.start_over()
        elif action is Action.QUIT_TRAY:
            self.end()
        else:
            self._ask(action, who)

    def toggle_window(self) -> None:
        """Show the window, or hide it if it is in front."""
        if self.window.isVisible() and self.window.isActiveWindow():
            self.window.hide()
        else:
            self.window.bring_up()

    def end(self) -> None:
        """Leave; the agent goes on."""
        self._link.end()
        self._ageing.stop()
        self.icon.hide()
        self.window.hide()
        QCoreApplication.quit()

    def _present(self) -> TrayView:
        absence = self._absence if self._absence.stranger else Absence(detail=self._start_problem)
        return present(self._snapshot, time.time(), local=local_time, absence=absence, refused=self._refused)

    def _ask(self, action: Action, who: str) -> None:
        message = request(action, next_morning(time.time()), who)
        sent = message is not None and self._link.send(message)
        if action is Action.QUIT_ALL:
            self._link.stay_away()
            QTimer.singleShot(QUIT_PATIENCE_MS if sent else 0, self, self.end)

    def _on_snapshot(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot
        if snapshot is not None:
            self._start_problem = ""
        self.refresh()

    def _on_absence(self, absence: Absence) -> None:
        self._absence = absence

    def _on_answered(self, problem: str) -> None:
        if problem != self._refused:
            self._refused = problem
            self.refresh()

    def _on_start_failed(self, why: str) -> None:
        self._start_problem = why
        self.refresh()

    def _on_pressed(self) -> None:
        if self.view.window.button.action is not None:
            self.act(self.view.window.button.action)
