"""Which face the agent's state has, and the words that say it in short.

`_FACES` names what there is to show, in order; the first row that fits decides. Headline and reason follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from farmhand.lending.rules import IN_USE, NOT_YET, SHARED
from farmhand.wire.local import JobView, Snapshot
from farmhand_tray import words
from farmhand_tray.view import Face

STATES = frozenset({"kept", "starting", "joining", "lent", "held", "draining", "stopping", "failing", "resting"})
"""The lender's states that this program knows."""

Local = Callable[[float], datetime]
"""Turns Unix seconds into the wall clock of the place."""


def utc(seconds: float) -> datetime:
    """The wall clock of Greenwich."""
    return datetime.fromtimestamp(seconds, UTC)


class Clock:
    """Turns times into texts and notes which of them grows old first."""

    def __init__(self, now: float, local: Local) -> None:
        self.now = now
        self._local = local
        self._holds = math.inf

    def elapsed(self, start: float) -> str:
        return self._noted(words.elapsed(self.now - start))

    def remaining(self, end: float) -> str:
        return self._noted(words.remaining(end - self.now))

    def at(self, moment: float) -> str:
        return self._noted(words.at(self._local(moment), self._local(self.now)))

    @property
    def next_change_at(self) -> float | None:
        return None if math.isinf(self._holds) else self.now + self._holds

    def _noted(self, span: words.Span) -> str:
        self._holds = min(self._holds, span.holds)
        return span.text


_FACES: tuple[tuple[Face, Callable[[Snapshot], bool]], ...] = (
    (Face.RECLAIMING, lambda it: it.state in ("stopping", "draining", "held")),
    (Face.HELD_BACK, lambda it: it.state in ("failing", "resting") or (it.state != "lent" and it.trouble != "")),
    (Face.DISCONNECTED, lambda it: it.state in ("joining", "lent") and it.registry_trouble != ""),
    (Face.STARTING, lambda it: it.state in ("starting", "joining")),
    (Face.BUSY, lambda it: it.state == "lent" and it.jobs != ()),
    (Face.UNUSED, lambda it: it.state == "lent"),
    (Face.PAUSED, lambda it: it.wish == "keep"),
    (Face.READY, lambda it: it.lends_at is not None and it.rule != IN_USE),
    (Face.YOURS, lambda _: True),
)


def face_of(snapshot: Snapshot) -> Face:
    """Name what there is to show of an agent whose state is known."""
    return next(face for face, fits in _FACES if fits(snapshot))


_HEADLINES: dict[Face, Callable[[Snapshot, Clock], str]] = {
    Face.BUSY: lambda it, _: words.lending(it.slots, it.rule == SHARED),
    Face.UNUSED: lambda it, _: words.lending(it.slots, it.rule == SHARED),
    Face.DISCONNECTED: lambda it, _: (
        words.lending(it.slots, it.rule == SHARED) if it.state == "lent" else words.STARTING
    ),
    Face.STARTING: lambda _, __: words.STARTING,
    Face.READY: lambda it, _: words.READY if it.rule == NOT_YET else words.SOON,
    Face.YOURS: lambda _, __: words.YOURS,
    Face.PAUSED: lambda it, clock: (
        words.PAUSED if it.wish_until is None else words.paused_until(clock.at(it.wish_until))
    ),
    Face.RECLAIMING: lambda it, _: words.reclaiming(it.state, len(it.jobs)),
    Face.HELD_BACK: lambda it, _: words.HELD_BACK if it.trouble else words.TRYING_AGAIN,
}


def headline_of(face: Face, snapshot: Snapshot, clock: Clock) -> str:
    """The state in a few words."""
    return _HEADLINES[face](snapshot, clock)


def reason(face: Face, it: Snapshot) -> str:
    """Why the face is what it is, fit to follow a dash."""
    if face is Face.HELD_BACK:
        return it.trouble or it.reason
    if face is Face.PAUSED:
        return words.BY_CHOICE
    if face is Face.DISCONNECTED:
        return words.NO_REGISTRY
    if face in (Face.BUSY, Face.UNUSED):
        return words.busy(len(it.jobs), it.slots)
    return it.reason


def file_of(job: JobView, limit: int) -> str:
    """What a job compiles, as one line of plain text."""
    return words.plain(job.file, limit) if job.file else words.UNKNOWN_FILE
