"""When one more copy of a job is worth starting, and when a host counts as hung.

A host may hang without dying: its agent speaks, its connections live, only the compile never ends. Nothing tells that
apart from a long compile but time, and this build's own finished jobs tell how much time is usual. So a job that takes
long runs once more elsewhere, and the first good answer counts (the idea: Dean and Barroso, "The Tail at Scale",
Communications of the ACM, February 2013). Rules:

1. Work is seconds times the speed of the slot. `most` is what all but one in twenty of the latest jobs took.
2. A job is *slow* when `most` would have been done by now, there or on a slot that is free, and `SHORTEST_SLOW` seconds
   have passed. It gets one more copy on that slot if nobody waits for it. So what falls to a slow host last does not
   decide when a build ends.
3. A job is *late* at `LATE` times the time in which its own slot does `most`, at least `SHORTEST_LATE` seconds. Then
   its copy is placed in its turn, before younger jobs; while jobs wait, one race after the other.
4. A host whose copy is late and loses against a younger one is judged as hung.
5. Until `ENOUGH` jobs have ended nothing is usual; then `UNKNOWN` seconds are slow and late.

What it is worth: `python -m benchmarks.makespan`. Why it is done so: docs/decisions/0017.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SHORTEST_SLOW = 1.0
LATE = 3.0
SHORTEST_LATE = 5.0
UNKNOWN = 10.0

ENOUGH = 5
"""Jobs that must have ended before anything is known."""

LATEST = 200
"""Jobs that count: what a build compiles changes as it goes on."""


@dataclass(slots=True)
class Usual:
    """How much work this build's jobs are.

    Attributes:
        most: work that nineteen of twenty jobs do not exceed, in seconds at speed 1; None: not known yet.
    """

    most: float | None = None
    _works: deque[float] = field(default_factory=lambda: deque[float](maxlen=LATEST))

    def note(self, seconds: float, speed: float) -> None:
        """A job has given an object after so long on a slot of that speed."""
        self._works.append(seconds * speed)
        if len(self._works) >= ENOUGH:
            self.most = sorted(self._works)[len(self._works) * 19 // 20]

    def slow_after(self, speed: float) -> float:
        """Seconds after which a job is slow if a slot of that speed, its own or a free one, can be had."""
        return UNKNOWN if self.most is None else max(self.most / speed, SHORTEST_SLOW)

    def late_after(self, speed: float) -> float:
        """Seconds after which a job on a slot of that speed is late."""
        return UNKNOWN if self.most is None else max(LATE * self.most / speed, SHORTEST_LATE)
