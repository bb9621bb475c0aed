"""Who is connected to the registry, how far each has come, and who must go when there is no room. Pure.

1. Who has begun to say something has so many seconds to end it (`WITHIN`); who has been heard may take its time.
2. There is room for so many visitors in all and for so many from one source. For one more the one goes whose claim is
   least: first who has never said a whole request, then who is in the midst of one, then who rests between two, last
   who is being answered; among equals the one that has been so for longest.
3. So nobody is refused at the door, and who speaks has nothing to fear from any number of those who do not.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V", bound=Hashable)


class Stage(enum.Enum):
    """How far a visitor has come; in the order in which they must go."""

    NEW = "has not said a whole request yet"
    HEAD = "has been heard, and begins another request"
    BODY = "is sending the body of a request"
    REST = "rests between two requests"
    ANSWER = "is being answered"


WITHIN = {Stage.NEW: 5.0, Stage.HEAD: 5.0, Stage.BODY: 5.0}
"""Seconds that a stage may last; those not named last as long as they do."""

_Ranks = dict[Stage, dict[V, None]]
"""Visitors by stage, the one first that has been there for longest."""


class Visitors(Generic[V]):
    """All who are connected.

    Args:
        most: of them.
        most_each: of them from one source.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most, self._most_each = most, most_each
        self._known: dict[V, tuple[str, Stage]] = {}
        self._since: dict[V, float] = {}
        self._all: _Ranks[V] = _ranks()
        self._each: dict[str, _Ranks[V]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def come(self, who: V, source: str, now: float) -> V | None:
        """Take somebody in.

        Args:
            who: has said nothing yet.
            source: whom it shares its room with, such as its address.
            now: monotonic seconds.

        Returns:
            Who has to go for it, and is known no longer; None: there is room.
        """
        mine = self._each.get(source, {})
        full = _count(mine) >= self._most_each
        goes = _first(mine) if full else self.least() if len(self._known) >= self._most else None
        if goes is not None:
            self.go(goes)
        self._known[who], self._since[who] = (source, Stage.NEW), now
        for ranks in (self._all, self._each.setdefault(source, _ranks())):
            ranks[Stage.NEW][who] = None
        return goes

    def turn(self, who: V, stage: Stage, now: float) -> None:
        """Note how far somebody has come; nothing if it is known no longer."""
        known = self._known.get(who)
        if known is not None:
            source, before = known
            self._known[who], self._since[who] = (source, stage), now
            for ranks in (self._all, self._each[source]):
                del ranks[before][who]
                ranks[stage][who] = None

    def go(self, who: V) -> None:
        """Forget somebody; nothing if it is known no longer."""
        known = self._known.pop(who, None)
        if known is not None:
            source, stage = known
            del self._since[who]
            del self._all[stage][who]
            del self._each[source][stage][who]
            if not _count(self._each[source]):
                del self._each[source]

    def overdue(self, now: float) -> list[V]:
        """Whose time is over."""
        late: list[V] = []
        for stage, within in WITHIN.items():
            for who in self._all[stage]:
                if self._since[who] > now - within:
                    break  # those behind have come later
                late.append(who)
        return late

    @property
    def hurried(self) -> bool:
        """Whether there is somebody whose time will be over."""
        return any(self._all[stage] for stage in WITHIN)

    def least(self) -> V | None:
        """Who would have to go first; None: there is nobody."""
        return _first(self._all)


def _ranks() -> _Ranks[V]:
    return {stage: {} for stage in Stage}


def _count(ranks: _Ranks[V]) -> int:
    return sum(map(len, ranks.values()))


def _first(ranks: _Ranks[V]) -> V | None:
    return next((who for rank in ranks.values() for who in rank), None)
