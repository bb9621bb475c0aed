"""Writes down which hosts came and went and which builds were granted slots, newest 100,000 lines.

Nothing depends on it: it is read by people, and the registry serves on when the disk is full or gone. Lines wait in
memory until `flush` writes them in one transaction, away from the event loop.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from farmhand.errors import OwnerError
from farmhand.scheduling.requests import Change, What

MAX_ROWS = 100_000
MAX_WAITING = 10_000
"""Lines that wait for a disk that cannot be written; the oldest are given up first."""

_WORTH_A_LINE = frozenset(What) - {What.CHANGED, What.DIVIDED}
_TABLE = """
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    instance TEXT NOT NULL,
    what TEXT NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL
)
"""
_log = logging.getLogger(__name__)

Row = tuple[float, str, str, str, str]


class Audit:
    """The table `audit` in `DIR/audit.sqlite3`: Unix time in seconds, run of the registry, what, who, detail."""

    def __init__(self, folder: Path, instance: str, clock: Callable[[], float] = time.time) -> None:
        """Open or make the file.

        Args:
            folder: of the registry's state; made when it is missing.
            instance: tells this run of the registry from others.
            clock: tells Unix time in seconds.

        Raises:
            OwnerError: the folder cannot be used.
        """
        path = folder / "audit.sqlite3"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(_TABLE)
        except (OSError, sqlite3.Error) as wrong:
            raise OwnerError(f"the registry cannot keep its state in {folder}: {wrong}") from None
        self._instance = instance
        self._clock = clock
        self._waiting: list[Row] = []
        self._in_trouble = False

    def note(self, change: Change) -> None:
        """Remember a change until the next `flush`; what happens at every beat is left out."""
        if change.what in _WORTH_A_LINE:
            self._waiting.append((self._clock(), self._instance, change.what.value, change.name, change.detail))
            del self._waiting[:-MAX_WAITING]

    def flush(self) -> None:
        """Write down what waits. Says once that the disk does not take it, and keeps the lines for the next time."""
        rows = self._waiting
        if not rows:
            return
        self._waiting = []
        try:
            self._write(rows)
        except sqlite3.Error as wrong:
            self._waiting = (rows + self._waiting)[-MAX_WAITING:]
            if not self._in_trouble:
                _log.warning("the registry's audit cannot be written: %s", wrong)
            self._in_trouble = True
        else:
            self._in_trouble = False

    def close(self) -> None:
        """Write down what waits and close the file."""
        self.flush()
        self._database.close()

    def _write(self, rows: list[Row]) -> None:
        with self._database:
            self._database.executemany(
                "INSERT INTO audit (time, instance, what, name, detail) VALUES (?, ?, ?, ?, ?)", rows
            )
            self._database.execute("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", (MAX_ROWS,))
