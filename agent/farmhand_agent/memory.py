"""What the agent remembers from one start to the next: its key, the owner's choice, how often it has started."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec

from farmhand.lending.observation import Choice, Return, Wish


class _Kept(msgspec.Struct):
    key: str
    epoch: int = 0
    wish: Wish = Wish.AUTO
    until: float | None = None
    back: Return = Return.NOT_AWAITED


class Memory:
    """A small file that is replaced as a whole, so a crash leaves the old or the new one.

    Args:
        folder: where it lies; must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "agent.json"
        self._kept = _Kept(secrets.token_hex(32))
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):  # a damaged file is as good as none
            self._kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)

    @property
    def choice(self) -> Choice:
        """The owner's latest choice."""
        return Choice(self._kept.wish, self._kept.until, self._kept.back)

    def keep_choice(self, choice: Choice) -> None:
        """Remember a choice."""
        self._kept.wish, self._kept.until, self._kept.back = choice.wish, choice.until, choice.back
        self._save()

    @property
    def key(self) -> str:
        """The secret shared with the registry, in hex; it stays, so that a restarted agent is known as the same."""
        return self._kept.key

    def next_epoch(self, at_least: int = 0) -> int:
        """Count one more start; the number is on disk before it is returned.

        Args:
            at_least: a lower bound, such as the Unix time: then even a lost file leads to a larger number than before.
        """
        self._kept.epoch = max(self._kept.epoch + 1, at_least)
        self._save()
        return self._kept.epoch

    def _save(self) -> None:
        fresh = self._file.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(self._kept))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
