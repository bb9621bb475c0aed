"""What ends when: asking for what is due costs nothing while nothing is, however much is known.

Rule: a deadline may be put off a thousand times before it comes; only its coming costs a step in the heap.
"""

from __future__ import annotations

import heapq


class Deadlines:
    """A deadline in seconds for each of many names."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}
        self._queued: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    @property
    def wake_at(self) -> float | None:
        """When something may be due, never later than the first that is; None: nothing ever is."""
        return self._heap[0][0] if self._heap else None

    def put(self, name: str, at: float) -> None:
        """Let `name` be due at `at`, whatever was said about it before."""
        self._ends[name] = at
        queued = self._queued.get(name)
        if queued is None or at < queued:
            self._queue(name, at)

    def drop(self, name: str) -> None:
        """Let `name` never be due; it need not be known."""
        self._ends.pop(name, None)

    def due(self, now: float) -> list[str]:
        """Take out and return the names whose time has come, the earliest first."""
        names: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            at, name = heapq.heappop(self._heap)
            if self._queued.get(name) != at:
                continue
            del self._queued[name]
            ends = self._ends.get(name)
            if ends is not None and ends > now:
                self._queue(name, ends)
            elif ends is not None:
                del self._ends[name]
                names.append(name)
        return names

    def _queue(self, name: str, at: float) -> None:
        self._queued[name] = at
        heapq.heappush(self._heap, (at, name))
