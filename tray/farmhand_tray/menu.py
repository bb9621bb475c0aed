"""The tray's menu: copies rows of `TrayView` into a QMenu.

1. Rows of the same shape are changed in place, so a menu that is open neither flickers nor loses its place.
2. A label is shown letter by letter. Qt takes "&" for the mark of a key; a panel that reads the menu over D-Bus takes
   "_" for one (com.canonical.dbusmenu), and Qt turns the first "&" into it, but leaves "_" and every other "&" alone.
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
        self._spell = _for_qt

    def suit(self, panel: bool) -> None:
        """Spell the labels for a panel that reads the menu over D-Bus, or for Qt, which shows the menu itself."""
        spell = _for_panel if panel else _for_qt
        if spell is not self._spell:
            self._spell = spell
            self._fill(self.widget, self._rows)

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
        action.setText(self._spell(row.label))
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


def _for_qt(label: str) -> str:
    return label.replace("&", "&&")


def _for_panel(label: str) -> str:
    escaped = label.replace("_", "__")
    return f"&{escaped}" if "&" in escaped else escaped  # the first one is given away


def _shape(row: Row) -> tuple[bool, bool, bool]:
    return (not row.label, row.checked is not None, bool(row.rows))


def _shape_of(action: QAction) -> tuple[bool, bool, bool]:
    return (action.isSeparator(), action.isCheckable(), isinstance(action.menu(), QMenu))


def _empty(menu: QMenu) -> None:
    for action in menu.actions():
        submenu = action.menu()
        menu.removeAction(action)
        (submenu if isinstance(submenu, QMenu) else action).deleteLater()
