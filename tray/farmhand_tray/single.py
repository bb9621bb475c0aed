"""One tray for each user: the first one holds a lock, a later one asks it to show its window and ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

PATIENCE_MS = 2000


class SingleInstance(QObject):
    """The place that only one tray can take.

    Signals:
        asked_to_show: a second tray was started.
    """

    asked_to_show = Signal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        """Prepare; `folder` is the user's own, for a lock and a socket."""
        super().__init__(parent)
        self._folder = folder
        self._lock = -1
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)

    def take(self) -> bool:
        """Become the one tray; False means that there is one already, which now has been asked to show itself."""
        path = str(self._folder / "tray.sock")
        self._lock = os.open(self._folder / "tray.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.leave()
            self._ask_to_show(path)
            return False
        QLocalServer.removeServer(path)
        self._server.listen(path)
        return True

    def leave(self) -> None:
        """Make room for another tray."""
        self._server.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _ask_to_show(self, path: str) -> None:
        socket = QLocalSocket()
        socket.connectToServer(path)
        if socket.waitForConnected(PATIENCE_MS):
            socket.disconnectFromServer()

    def _on_connection(self) -> None:
        while self._server.hasPendingConnections():
            self._server.nextPendingConnection().deleteLater()
        self.asked_to_show.emit()
