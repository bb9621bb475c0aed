"""Starts the agent: by the user's service manager where it knows the unit, else as a program of its own.

1. The agent outlives the tray: neither way makes it a child of the tray.
2. An agent that the service manager looks after is started once per tray: restarting it after a crash is the manager's
   work, and an owner who stopped it there wants it stopped.
3. Starting an agent that runs already does no harm: the second one finds the first one's lock and ends.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

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
        self._asked_for = ""
        self._manager_knows = False
        self._process = QProcess(self)
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)

    def start(self, by_hand: bool = False) -> None:
        """Set out to start the agent and return at once.

        Args:
            by_hand: a person asked for it, so the service manager is asked again.
        """
        if not self._asked_for and (by_hand or not self._manager_knows):
            self._ask("cat")

    @property
    def busy(self) -> bool:
        """Whether the service manager is still being asked."""
        return self._asked_for != ""

    def _ask(self, verb: str) -> None:
        """Ask the service manager for something about the unit; `_answered` hears how it went."""
        self._asked_for = verb
        self._process.start(self._systemctl, ["--user", verb, UNIT])
        self._process.closeWriteChannel()

    def _on_finished(self, code: int, _status: QProcess.ExitStatus) -> None:
        self._answered(code, bytes(self._process.readAll().data()).decode(errors="replace").strip())

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._answered(-1, "")

    def _answered(self, code: int, output: str) -> None:
        verb, self._asked_for = self._asked_for, ""
        if verb == "start":
            if code != 0:
                self.failed.emit(words.cannot_start(words.unit_failed(output)))
        elif code == 0:
            self._manager_knows = True
            self._ask("start")
        else:
            self._start_detached()

    def _start_detached(self) -> None:
        program = find_program([Path(sys.executable).parent, Path(sys.argv[0]).resolve().parent])
        if program is None:
            self.failed.emit(words.cannot_start(words.agent_not_found()))
            return
        process = QProcess()
        process.setProgram(program)
        process.setStandardOutputFile(QProcess.nullDevice())
        process.setStandardErrorFile(QProcess.nullDevice())
        # PySide6's type stubs promise a tuple here; the call answers with a plain bool.
        if not cast(object, process.startDetached()):
            self.failed.emit(words.cannot_start(words.agent_broken(program)))
