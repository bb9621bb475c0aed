"""The tray's menu: copies rows of `TrayView` into a QMenu.

Rows of the same shape are changed in place, so a menu that is open neither flickers nor loses its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from farmhand_tray.view import Action, Row


class TrayMenu(QObject):
    """Shows rows and tells which one was clicked.

    Signals:
        chosen: the `Action` of the row that was clicked, and whom it is about.
        opening: the menu is about to be seen.
    """

    chosen = Signal(object, str)
    opening = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.widget = QMenu()
        self.widget.aboutToShow.connect(self.opening)
        self._rows: tuple[Row, ...] = ()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Make the menu consist of `rows`."""
        if rows != self._rows:
            self._rows = rows
            self._fill(self.widget, rows)

    def _fill(self, menu: QMenu, rows: Sequence[Row]) -> None:
        if [_shape_of(action) for action in menu.actions()] != [_shape(row) for row in rows]:
            _empty(menu)
            for row in rows:
                self._add(menu, row)
        for action, row in zip(menu.actions(), rows, strict=True):
            self._copy(action, row)

    def _add(self, menu: QMenu, row: Row) -> None:
        if row.rows:
            menu.addMenu(QMenu(menu))
            return
        action = QAction(menu)
        action.setSeparator(not row.label)
        action.setCheckable(row.checked is not None)
        action.triggered.connect(lambda: self._on_triggered(action))
        menu.addAction(action)

    def _copy(self, action: QAction, row: Row) -> None:
        action.setText(row.label.replace("&", "&&"))
        action.setEnabled(row.enabled)
        action.setData((row.action, row.who))
        if row.checked is not None:
            action.setChecked(row.checked)
        submenu = action.menu()
        if isinstance(submenu, QMenu):
            self._fill(submenu, row.rows)

    def _on_triggered(self, action: QAction) -> None:
        """Pass the click on; the mark of a check row moves only once the agent has agreed."""
        for one, row in zip(self.widget.actions(), self._rows, strict=True):
            if one is action and row.checked is not None:
                action.setChecked(row.checked)
        asked, who = action.data()
        if isinstance(asked, Action):
            self.chosen.emit(asked, who)


def _shape(row: Row) -> tuple[bool, bool, bool]:
    return (not row.label, row.checked is not None, bool(row.rows))


def _shape_of(action: QAction) -> tuple[bool, bool, bool]:
    return (action.isSeparator(), action.isCheckable(), isinstance(action.menu(), QMenu))


def _empty(menu: QMenu) -> None:
    for action in menu.actions():
        submenu = action.menu()
        menu.removeAction(action)
        (submenu if isinstance(submenu, QMenu) else action).deleteLater()
