"""What the agent remembers from one start to the next: its key, the owner's choice, how often it has started."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec

from farmhand.errors import OwnerError
from farmhand.lending.observation import Choice, Return, Wish
from farmhand.wire.farm import Counter, Key

_log = logging.getLogger("farmhand.agent")


class _Kept(msgspec.Struct):
    key: Key
    epoch: Counter = 0
    wish: Wish = Wish.AUTO
    until: float | None = None
    back: Return = Return.NOT_AWAITED
    blocked: tuple[str, ...] = ()


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
        """Remember a choice; where it cannot be written it holds until the agent ends, and the log says so."""
        self._kept.wish, self._kept.until, self._kept.back = choice.wish, choice.until, choice.back
        try:
            self._save()
        except OSError as wrong:
            _log.warning("your choice holds until the agent ends: cannot write %s (%s)", self._file, wrong.strerror)

    @property
    def blocked(self) -> tuple[str, ...]:
        """Users, machines and identities that the owner keeps out, in the order of their names."""
        return self._kept.blocked

    def keep_blocked(self, names: Iterable[str]) -> None:
        """Remember whom the owner keeps out.

        Raises:
            OSError: it holds until the agent ends, but cannot be written.
        """
        self._kept.blocked = tuple(sorted(names))
        self._save()

    @property
    def key(self) -> str:
        """The secret shared with the registry, in hex; it stays, so that a restarted agent is known as the same."""
        return self._kept.key

    def next_epoch(self, at_least: int = 0) -> int:
        """Count one more start; the number is on disk before it is returned.

        Args:
            at_least: a lower bound, such as the Unix time: then even a lost file leads to a larger number than before.

        Raises:
            OwnerError: it cannot be written.
        """
        self._kept.epoch = max(self._kept.epoch + 1, at_least)
        try:
            self._save()
        except OSError as wrong:
            told = f"cannot write {self._file} ({wrong.strerror}), and a farm must tell one start from the next"
            raise OwnerError(told) from None
        return self._kept.epoch

    def _save(self) -> None:
        fresh = self._file.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(self._kept))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
