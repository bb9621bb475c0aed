"""The icon in the tray, wherever the desktop's tray is and whenever it comes.

1. An icon that is made before there is a tray never appears in it, although one that was there once comes back by
   itself when the panel restarts. So when a tray turns up, an icon made without one is made anew, and no other.
2. A tray turns up on D-Bus as `org.kde.StatusNotifierWatcher`, which tells us, or on X11 as the owner of a selection,
   for which we look now and then, and only until there is a tray.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtDBus import QDBusConnection, QDBusServiceWatcher
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from farmhand_resources import icon_path
from farmhand_tray.menu import TrayMenu

WATCHER = "org.kde.StatusNotifierWatcher"
LOOK_AGAIN_MS = 2000
LOOK_RARELY_MS = 15_000
"""How often to look for a tray of X11's own kind: at first, and once it is not expected any more."""

GIVE_UP_MS = 10_000


def state_icon(name: str) -> QIcon:
    """The icon `name`: that of the desktop's theme where it has one, else ours."""
    themed = f"farmhand-{name}"
    return QIcon.fromTheme(themed) if QIcon.hasThemeIcon(themed) else QIcon(str(icon_path(name)))


def _is_panel_there() -> bool:
    """Tell whether an icon that is made now is a panel's, which reads its menu over D-Bus: Qt goes by the same sign."""
    bus = QDBusConnection.sessionBus()
    return bus.isConnected() and bool(bus.interface().isServiceRegistered(WATCHER).value())


class TrayIcon(QObject):
    """Keeps one icon in the tray.

    Signals:
        clicked: the icon itself was clicked.
        homeless: there was no tray for ten seconds; sent once.
    """

    clicked = Signal()
    homeless = Signal()

    def __init__(self, menu: TrayMenu, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._menu = menu
        self._name = ""
        self._tooltip = ""
        self._icon: QSystemTrayIcon | None = None
        self._has_home = False
        self._watcher = QDBusServiceWatcher(
            WATCHER, QDBusConnection.sessionBus(), QDBusServiceWatcher.WatchModeFlag.WatchForRegistration, self
        )
        self._watcher.serviceRegistered.connect(self._look)
        self._looking = QTimer(self)
        self._looking.setInterval(LOOK_AGAIN_MS)
        self._looking.timeout.connect(self._look)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(GIVE_UP_MS)
        self._patience.timeout.connect(self._on_patience_over)

    def show(self, name: str, tooltip: str) -> None:
        """Show the icon `name` with a tooltip."""
        if self._icon is None:
            self._name, self._tooltip = name, tooltip
            self._make()
            return
        if name != self._name:
            self._icon.setIcon(state_icon(name))
        if tooltip != self._tooltip:
            self._icon.setToolTip(tooltip)
        self._name, self._tooltip = name, tooltip

    def hide(self) -> None:
        """Take the icon out of the tray."""
        self._looking.stop()
        self._patience.stop()
        self._drop()

    def _make(self) -> None:
        self._drop()
        self._has_home = QSystemTrayIcon.isSystemTrayAvailable()
        self._icon = QSystemTrayIcon(state_icon(self._name), self)
        self._menu.suit(panel=_is_panel_there())
        self._icon.setContextMenu(self._menu.widget)
        self._icon.setToolTip(self._tooltip)
        self._icon.activated.connect(self._on_activated)
        self._icon.show()
        if self._has_home:
            self._looking.stop()
            self._patience.stop()
        elif not self._looking.isActive():
            self._looking.start()
            self._patience.start()

    def _drop(self) -> None:
        if self._icon is not None:
            self._icon.hide()
            self._icon.deleteLater()
            self._icon = None

    def _look(self) -> None:
        if self._icon is not None and not self._has_home and QSystemTrayIcon.isSystemTrayAvailable():
            self._make()

    def _on_patience_over(self) -> None:
        self._looking.setInterval(LOOK_RARELY_MS)
        self.homeless.emit()

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.clicked.emit()
