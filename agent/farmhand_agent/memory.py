"""What the agent remembers from one start to the next: its key, the owner's choice, how often it has started.

The clock by which spans end begins anew with each start of the machine. A span from before is remembered by the time on
the wall, which may have been set since, and by what was left of it, of which nobody knows how much has passed. Of the
two, the one that lends less counts: see `Choice`.

Who cannot remember what its owner chose does not lend. A damaged file may have held a keep, and names of people to be
kept out; so it is set aside, the machine is kept, and its owner is told until they have chosen anew.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from farmhand.errors import OwnerError
from farmhand.lending.observation import Choice, Return, Wish
from farmhand.links.boot import boot_id, since_boot
from farmhand.wire.farm import Counter, Key

FILE = "agent.json"

_log = logging.getLogger("farmhand.agent")


class _Span(msgspec.Struct, frozen=True):
    """A choice's span as it was when it was written down.

    Attributes:
        ends: seconds since that start of the machine.
        boot: which start that was.
        left: seconds until the end.
        until: Unix time of the end.
    """

    ends: float
    boot: str
    left: float
    until: float


class _Kept(msgspec.Struct):
    key: Key
    epoch: Counter = 0
    wish: Wish = Wish.AUTO
    until: float | None = None
    back: Return = Return.NOT_AWAITED
    blocked: tuple[str, ...] = ()
    span: _Span | None = None
    lost: bool = False


class Memory:
    """A small file that is replaced as a whole, so a crash leaves the old or the new one.

    Args:
        folder: where it lies; must exist.
        boot: which start of the machine this is; "" when nothing tells.
        age: seconds since that start, sleep included.
        wall: Unix seconds.

    Raises:
        OwnerError: there is something that cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        boot: str | None = None,
        age: Callable[[], float] = since_boot,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._boot = boot_id() if boot is None else boot
        self._age, self._wall = age, wall
        self._file = folder / FILE
        self._kept = _Kept(secrets.token_hex(32))
        self._recall()

    def _recall(self) -> None:
        try:
            told = self._file.read_bytes()
        except FileNotFoundError:
            return
        except OSError as wrong:
            raise OwnerError(f"cannot read {self._file}, which holds your choice: {wrong.strerror}") from None
        try:
            self._kept = msgspec.json.decode(told, type=_Kept)
        except msgspec.DecodeError:
            self._kept.wish, self._kept.lost = Wish.KEEP, True
            _log.warning("%s", self.trouble)
            with contextlib.suppress(OSError):  # the damaged file stays then, and says the same at the next start
                self._set_aside.write_bytes(told)
                self._save()

    @property
    def trouble(self) -> str:
        """Why the owner must choose anew; "" as long as all is remembered."""
        if not self._kept.lost:
            return ""
        return (
            f"{self._file.name} was damaged, so nobody knows what you chose and whom you blocked: choose anew, such as "
            f"by `farmhand auto`; what was left of it is in {self._set_aside}"
        )

    @property
    def _set_aside(self) -> Path:
        return self._file.with_suffix(".damaged")

    @property
    def choice(self) -> Choice:
        """The owner's latest choice."""
        kept, span = self._kept, self._kept.span
        if span is None:
            return Choice(kept.wish, kept.until, kept.back)
        if span.boot and span.boot == self._boot:
            return Choice(kept.wish, kept.until, kept.back, span.ends)
        until = span.until if kept.until is None else kept.until
        return Choice(kept.wish, until, kept.back, self._age() + span.left)

    def keep_choice(self, choice: Choice) -> None:
        """Remember a choice; where it cannot be written it holds until the agent ends, and the log says so."""
        self._kept.wish, self._kept.until, self._kept.back = choice.wish, choice.until, choice.back
        self._kept.span = None if choice.ends is None else self._span(choice.ends)
        self._kept.lost = False
        try:
            self._save()
        except OSError as wrong:
            _log.warning("your choice holds until the agent ends: cannot write %s (%s)", self._file, wrong.strerror)

    def _span(self, ends: float) -> _Span:
        left = ends - self._age()
        return _Span(ends, self._boot, left, self._wall() + left)

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
