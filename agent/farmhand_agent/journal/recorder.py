"""Keeps what decisions were based on, for `farmhand replay`: two files of JSON lines; the older one goes first.

1. Writing happens in a thread, a few seconds behind; a slow disk holds up nothing but the recording.
2. Each file can be read by itself: it begins with the settings and with all that is known at that moment.
3. A disk that is full or broken costs lines, never the agent; it is logged once.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from farmhand.lending.observation import Observation
from farmhand.lending.recording import RECORDINGS, begin_line, moment_line
from farmhand.machine import Machine
from farmhand.settings import Settings
from farmhand_agent.ticks import tick

MOST = 5_000_000
"""Bytes of both files together."""

EVERY = 5.0
"""Seconds between two writes."""

_log = logging.getLogger("farmhand.recorder")


class Recorder:
    """Writes down moments.

    Args:
        folder: where the files lie; must exist.
        machine: that is recorded.
        settings: that hold; `record` says whether anything is written.
        most: bytes of both files together.
        pause: waits for a number of seconds.
    """

    def __init__(
        self,
        folder: Path,
        machine: Machine,
        settings: Settings,
        most: int = MOST,
        pause: Callable[[float], Awaitable[None]] = tick,
    ) -> None:
        self._older, self._file = (folder / name for name in RECORDINGS)
        self._machine = machine
        self._settings = settings
        self._most = most // 2
        self._pause = pause
        self._lines: list[bytes] = []
        self._news = asyncio.Event()
        self._size = self._file.stat().st_size if self._file.exists() else 0
        self._written = Observation()
        self._told = ("", False)
        self._failing = False
        self._begin()

    def adopt(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        self._begin()

    def note(self, seen: Observation, rule: str, lent: bool, now: float, wall: float, slept: float = 0.0) -> None:
        """Take in what was seen and decided; nothing is written unless it differs from the latest.

        Args:
            seen: the observation.
            rule: that decided.
            lent: whether the machine is lent.
            now: monotonic seconds.
            wall: Unix seconds.
            slept: seconds for which the machine has slept since it started.
        """
        if not self._settings.record or (seen == self._written and (rule, lent) == self._told):
            return
        self._add(moment_line(seen, self._written, now, wall, rule, lent, slept))
        self._written, self._told = seen, (rule, lent)
        if self._size > self._most:
            self._begin()

    async def run(self) -> None:
        """Write until cancelled; sleeps while there is nothing to write."""
        while True:
            await self._news.wait()
            await self._pause(EVERY)
            await self.flush()

    async def flush(self) -> None:
        """Write what has been taken in; on return it is in the files."""
        lines, self._lines = self._lines, []
        self._news.clear()
        if lines:
            await asyncio.to_thread(self._write, lines)

    def _begin(self) -> None:
        """Begin a session, in a new file if this one is full."""
        if not self._settings.record:
            return
        if self._size > self._most:
            self._lines.append(_TURN)
            self._size = 0
        self._add(begin_line(self._machine, self._settings))
        self._written = Observation()
        self._told = ("", False)

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._news.set()
        self._size += len(line)

    def _write(self, lines: list[bytes]) -> None:
        try:
            while _TURN in lines:
                turn = lines.index(_TURN)
                self._append(lines[:turn])
                self._file.replace(self._older)
                lines = lines[turn + 1 :]
            self._append(lines)
            self._failing = False
        except OSError as wrong:
            if not self._failing:
                _log.warning("observations are not recorded: %s", wrong)
            self._failing = True

    def _append(self, lines: list[bytes]) -> None:
        with open(self._file, "ab", opener=_private) as file:
            file.write(b"".join(lines))


_TURN = b""
"""Stands among the lines where a new file begins."""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
