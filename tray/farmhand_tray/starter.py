"""Starts the agent: by the user's service manager where it knows the unit, else as a program of its own.

1. The agent outlives the tray: neither way makes it a child of the tray.
2. An agent that the service manager looks after is started once per tray: restarting it after a crash is the manager's
   work, and an owner who stopped it there wants it stopped.
3. Starting an agent that runs already does no harm: the second one finds the first one's lock and ends.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, Signal

from farmhand_tray import words

UNIT = "farmhand-agent.service"
PROGRAM = "farmhand-agent"


def find_program(beside: Sequence[Path]) -> str | None:
    """Find the agent's program: first in one of the folders `beside`, then by PATH."""
    for folder in beside:
        if found := shutil.which(PROGRAM, path=str(folder)):
            return found
    return shutil.which(PROGRAM)


class AgentStarter(QObject):
    """Starts the agent on demand.

    Signals:
        failed: why it cannot be started, in words.
    """

    failed = Signal(str)

    def __init__(self, systemctl: str = "systemctl", parent: QObject | None = None) -> None:
        """Prepare; `systemctl` is the service manager's program."""
        super().__init__(parent)
        self._systemctl = systemctl
        self._asked_manager = False
        self._busy = False

    def start(self, by_hand: bool = False) -> None:
        """Set out to start the agent and return at once.

        Args:
            by_hand: a person asked for it, so the service manager is asked again.
        """
        if self._busy or (self._asked_manager and not by_hand):
            return
        self._busy = True
        self._run(("cat", UNIT), self._on_unit_known)

    def _run(self, arguments: Sequence[str], then: Callable[[int, str], None]) -> None:
        process = QProcess(self)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)

        def finished(code: int, _status: QProcess.ExitStatus) -> None:
            output = bytes(process.readAll().data()).decode(errors="replace").strip()
            process.deleteLater()
            then(code, output)

        def broken(error: QProcess.ProcessError) -> None:
            if error is QProcess.ProcessError.FailedToStart:
                process.deleteLater()
                then(-1, "")

        process.finished.connect(finished)
        process.errorOccurred.connect(broken)
        process.start(self._systemctl, ["--user", *arguments])
        process.closeWriteChannel()

    def _on_unit_known(self, code: int, _output: str) -> None:
        if code == 0:
            self._asked_manager = True
            self._run(("start", UNIT), self._on_unit_started)
            return
        self._busy = False
        self._start_detached()

    def _on_unit_started(self, code: int, output: str) -> None:
        self._busy = False
        if code != 0:
            self.failed.emit(words.cannot_start(words.unit_failed(output)))

    def _start_detached(self) -> None:
        program = find_program([Path(sys.executable).parent, Path(sys.argv[0]).resolve().parent])
        if program is None:
            self.failed.emit(words.cannot_start(words.agent_not_found()))
            return
        process = QProcess(self)
        process.setProgram(program)
        process.setStandardOutputFile(QProcess.nullDevice())
        process.setStandardErrorFile(QProcess.nullDevice())
        started, _pid = process.startDetached()
        process.deleteLater()
        if not started:
            self.failed.emit(words.cannot_start(words.agent_not_found()))
