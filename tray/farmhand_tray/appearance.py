"""Dark or light: follows the desktop where Qt does not do so by itself.

Qt learns of a dark desktop only in GNOME- and XFCE-like sessions; elsewhere it reports "unknown" and stays light. There
the desktop portal is asked, and listened to, and our own dark palette put on.

Source: XDG Desktop Portal, `org.freedesktop.portal.Settings`; `color-scheme` is 1 for "prefer dark".
"""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import SLOT, QObject, Qt, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher, QDBusVariant
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from farmhand_tray.theme import DARK

SERVICE = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
INTERFACE = "org.freedesktop.portal.Settings"
NAMESPACE, KEY = "org.freedesktop.appearance", "color-scheme"
PREFER_DARK = 1

ON_CHANGED = cast(bytes, SLOT("on_changed(QDBusMessage)"))
"""A text, in truth: QDBusConnection's type stub asks for bytes, which the call itself refuses."""


class Appearance(QObject):
    """Keeps the application's palette as light or dark as the desktop."""

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application

    def follow(self) -> None:
        """Ask the portal, if there is one and Qt does not know the answer, and listen from now on."""
        if self._application.styleHints().colorScheme() is not Qt.ColorScheme.Unknown:
            return
        bus = QDBusConnection.sessionBus()
        bus.connect(SERVICE, PATH, INTERFACE, "SettingChanged", self, ON_CHANGED)
        question = QDBusMessage.createMethodCall(SERVICE, PATH, INTERFACE, "Read")
        question.setArguments([NAMESPACE, KEY])
        question.setAutoStartService(False)
        QDBusPendingCallWatcher(bus.asyncCall(question), self).finished.connect(self._on_answer)

    @Slot(QDBusMessage)
    def on_changed(self, message: QDBusMessage) -> None:
        """Take over a setting that has changed."""
        namespace, key, value = message.arguments()
        if (namespace, key) == (NAMESPACE, KEY):
            self._wear(value)

    def _on_answer(self, call: QDBusPendingCallWatcher) -> None:
        if not call.isError():
            self._wear(call.reply().arguments()[0])
        call.deleteLater()

    def _wear(self, value: object) -> None:
        while isinstance(value, QDBusVariant):
            value = value.variant()
        self._application.setPalette(DARK if value == PREFER_DARK else QPalette())
