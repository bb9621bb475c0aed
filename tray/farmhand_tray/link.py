"""The tray's end of the wire to the agent: snapshots in, requests out.

1. Whatever comes from the socket becomes a snapshot or an `Absence`; nothing of it can crash the tray.
2. Of many snapshots that arrive together only the last one counts, so a flood costs one repaint.
3. The link never gives up: it tries again after 0.1 s, then ever more rarely, at last every 5 s. Every eighth attempt
   in vain, the first among them, it also asks for the agent to be started.
4. No timer runs while the link is up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalSocket

from farmhand.errors import PeerError
from farmhand.wire import codec
from farmhand.wire.local import Block, Choose, Done, FromAgent, Quit, Snapshot
from farmhand_tray.view import Absence

FIRST_WAIT_MS = 100
LONGEST_WAIT_MS = 5000
STARTS_EVERY = 8
"""Attempts to connect for one attempt to start the agent."""

RUDE_ATTEMPTS = 3
"""As how many attempts in vain an agent counts that cannot be understood: it may say so again at once."""

Starter = Callable[[], None]
"""Sets out to start the agent; whether that worked shows on the socket."""


class AgentLink(QObject):
    """Keeps a connection to the agent.

    Signals:
        snapshot: the agent's latest `Snapshot`, or None when it went away.
        absence: why there is no snapshot, an `Absence`; always before `snapshot(None)`.
        answered: the answer to a request: "" for done, else why not.
        gone: the agent has closed the connection after `stay_away`.
    """

    snapshot = Signal(object)
    absence = Signal(object)
    answered = Signal(str)
    gone = Signal()

    def __init__(self, path: Path, start_agent: Starter | None = None, parent: QObject | None = None) -> None:
        """Prepare the link; `begin` starts it.

        Args:
            path: of the agent's socket.
            start_agent: called when nobody listens there.
            parent: the owner in Qt's tree.
        """
        super().__init__(parent)
        self._path = path
        self._start_agent = start_agent
        self._attempts = 0
        self._reported: Absence | None = None
        self._ended = False
        self._socket = QLocalSocket(self)
        self._socket.setReadBufferSize(codec.MAX_MESSAGE + 1)
        self._socket.connected.connect(self._on_connected)
        self._socket.disconnected.connect(self._on_disconnected)
        self._socket.errorOccurred.connect(self._on_error)
        self._socket.readyRead.connect(self._on_ready_read)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.timeout.connect(self._connect)

    @property
    def connected(self) -> bool:
        """Whether the agent hears us."""
        return self._socket.state() is QLocalSocket.LocalSocketState.ConnectedState

    def begin(self) -> None:
        """Connect as soon as the event loop runs."""
        self._again.start(0)

    def start_over(self) -> None:
        """Try at once what would be tried later: for a person who does not want to wait."""
        if not self.connected:
            self._socket.abort()
            self._attempts = 0
            self._again.start(0)

    def end(self) -> None:
        """Let go and stay gone."""
        self._ended = True
        self._again.stop()
        self._socket.abort()

    def stay_away(self) -> None:
        """Do not come back after the agent has closed the connection."""
        self._ended = True

    def send(self, request: Block | Choose | Quit) -> bool:
        """Send a request; False means that nobody is there to hear it."""
        return self.connected and self._socket.write(codec.encode_line(request)) > 0 and self._socket.flush()

    def _connect(self) -> None:
        self._socket.connectToServer(str(self._path))

    def _on_connected(self) -> None:
        self._again.stop()

    def _on_disconnected(self) -> None:
        self._report(Absence())
        if self._ended:
            self.gone.emit()
        else:
            self._again.start(FIRST_WAIT_MS)

    def _on_error(self, error: QLocalSocket.LocalSocketError) -> None:
        if error is QLocalSocket.LocalSocketError.PeerClosedError or self._ended:
            return
        self._report(Absence())
        if self._attempts % STARTS_EVERY == 0 and self._start_agent is not None:
            self._start_agent()
        self._try_again()

    def _try_again(self) -> None:
        if not self._ended:
            self._again.start(min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(self._attempts, 10)))
            self._attempts += 1

    def _report(self, absence: Absence) -> None:
        if absence == self._reported:
            return
        self._reported = absence
        self.absence.emit(absence)
        self.snapshot.emit(None)

    def _on_ready_read(self) -> None:
        latest: Snapshot | None = None
        try:
            while self._socket.canReadLine():
                latest = self._take(bytes(self._socket.readLine().data())) or latest
            if self._socket.bytesAvailable() > codec.MAX_MESSAGE:
                raise PeerError("the agent sent a line without an end")
        except PeerError as wrong:
            self._hang_up(str(wrong))
            return
        if latest is not None:
            self._attempts = 0
            self._reported = None
            self.snapshot.emit(latest)

    def _take(self, line: bytes) -> Snapshot | None:
        message = cast(FromAgent, codec.decode(line, FromAgent, "the agent"))
        if isinstance(message, Done):
            self.answered.emit(message.problem)
        return message if isinstance(message, Snapshot) else None

    def _hang_up(self, why: str) -> None:
        """Leave an agent that cannot be understood; it may have been replaced at the next attempt."""
        self._socket.blockSignals(True)
        self._socket.abort()
        self._socket.blockSignals(False)
        self._attempts = max(self._attempts, RUDE_ATTEMPTS)
        self._report(Absence(stranger=True, detail=why))
        self._try_again()
