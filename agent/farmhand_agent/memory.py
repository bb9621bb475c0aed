"""What the agent remembers from one start to the next: the owner's choice and how often it has started."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from farmhand.lending.observation import Choice, Wish


class _Kept(msgspec.Struct):
    epoch: int = 0
    wish: Wish = Wish.AUTO
    until: float | None = None


class Memory:
    """A small file that is replaced as a whole, so a crash leaves the old or the new one.

    Args:
        folder: where it lies; must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "agent.json"
        self._kept = _Kept()
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):  # a damaged file is as good as none
            self._kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)

    @property
    def choice(self) -> Choice:
        """The owner's latest choice."""
        return Choice(self._kept.wish, self._kept.until)

    def keep_choice(self, choice: Choice) -> None:
        """Remember a choice."""
        self._kept.wish, self._kept.until = choice.wish, choice.until
        self._save()

    def next_epoch(self) -> int:
        """Count one more start; the number is on disk before it is returned."""
        self._kept.epoch += 1
        self._save()
        return self._kept.epoch

    def _save(self) -> None:
        fresh = self._file.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(self._kept))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
