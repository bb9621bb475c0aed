"""Tells every listener what has changed, and waits for none of them.

A listener that has not fetched its news yet gets each piece once, however often it happened since. One that falls far
behind is told "everything may be different" instead of a long list, so the memory that it costs is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from farmhand.wire.farm import FarmChanged

EVERYTHING = (FarmChanged("host"), FarmChanged("share"))
"""What a listener hears first, and when there was too much to tell."""

MAX_PENDING = 256
"""Pieces of news that wait for one listener at most."""


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
        self._listeners: set[Listener] = set()
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

    async def listen(self, patience: float) -> AsyncIterator[tuple[FarmChanged, ...]]:
        """Yield news as `Listener.fetch` returns it, until the stream ends."""
        listener = Listener()
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            while (pieces := await listener.fetch(patience)) is not None:
                yield pieces
        finally:
            self._listeners.discard(listener)
