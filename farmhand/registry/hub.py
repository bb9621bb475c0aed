"""Tells every listener what has changed, and waits for none of them.

A listener that has not fetched its news yet gets each piece once, however often it happened since. One that falls far
behind is told "everything may be different" instead of a long list, so the memory that it costs is bounded.

There are so many listeners in all and so many from one source; one more ends the oldest, which may come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from farmhand.wire.farm import FarmChanged

EVERYTHING = (FarmChanged("host"), FarmChanged("share"))
"""What a listener hears first, and when there was too much to tell."""

MAX_PENDING = 256
"""Pieces of news that wait for one listener at most."""

MAX_LISTENERS = 512
"""Open streams: twice as many as there are builds."""

MAX_LISTENERS_EACH = 128
"""Open streams of one source, so that none ends those of all others."""


class Listener:
    """One open stream of news."""

    def __init__(self) -> None:
        self._pending: dict[FarmChanged, None] = dict.fromkeys(EVERYTHING)
        self._woken = asyncio.Event()
        self._woken.set()
        self._closed = False

    def tell(self, news: FarmChanged) -> None:
        """Let the listener know when it next asks."""
        self._pending[news] = None
        if len(self._pending) > MAX_PENDING:
            self._pending = dict.fromkeys(EVERYTHING)
        self._woken.set()

    def close(self) -> None:
        """End the stream."""
        self._closed = True
        self._woken.set()

    async def fetch(self, patience: float) -> tuple[FarmChanged, ...] | None:
        """Wait for news.

        Args:
            patience: seconds to wait.

        Returns:
            What has changed since the last call, empty when `patience` is over; None when the stream has ended.
        """
        try:
            await asyncio.wait_for(self._woken.wait(), patience)
        except TimeoutError:
            return ()
        if self._closed:
            return None
        self._woken.clear()
        pending, self._pending = tuple(self._pending), {}
        return pending


class Hub:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: dict[Listener, str] = {}  # with its source; the oldest first
        self._closed = False

    def tell(self, news: FarmChanged) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener.tell(news)

    def close(self) -> None:
        """End all streams, and any that is opened from now on."""
        self._closed = True
        for listener in self._listeners:
            listener.close()

    async def listen(self, patience: float, source: str = "") -> AsyncIterator[tuple[FarmChanged, ...]]:
        """Yield news as `Listener.fetch` returns it, until the stream ends; those of one `source` share its room."""
        listener = Listener()
        if self._closed:
            listener.close()
        self._make_room(source)
        self._listeners[listener] = source
        try:
            while (pieces := await listener.fetch(patience)) is not None:
                yield pieces
        finally:
            self._listeners.pop(listener, None)

    def _make_room(self, source: str) -> None:
        mine = [one for one, whose in self._listeners.items() if whose == source]
        crowd = mine if len(mine) >= MAX_LISTENERS_EACH else list(self._listeners)
        if len(mine) >= MAX_LISTENERS_EACH or len(self._listeners) >= MAX_LISTENERS:
            del self._listeners[crowd[0]]
            crowd[0].close()
