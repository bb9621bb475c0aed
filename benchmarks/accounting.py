"""Who uses the processor in an event loop: an account of CPU seconds and wake-ups by payer.

1. Whoever runs says who pays, by `pays`; tasks, timers and readers inherit that from whoever made them, since each
   keeps the context in which it was made.
2. Every callback's CPU time is its payer's. What the loop itself takes to sleep and to wake is shared among those for
   whom it woke, in equal parts, and so is the wake-up: two who share one have half of it each.
3. What other threads and children take is not in it.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any

_payer = ContextVar("payer", default="nobody in particular")


def pays(name: str) -> None:
    """Let what runs in this context from now on be paid by `name`."""
    _payer.set(name)


@dataclass(slots=True)
class Spent:
    """What one payer has used.

    Attributes:
        cpu: CPU seconds.
        wakes: times that the kernel woke the loop; a time that is shared counts as a part.
    """

    cpu: float = 0.0
    wakes: float = 0.0


class Account:
    """What all payers have used.

    Attributes:
        spent: by payer, since `begin`.
    """

    def __init__(self) -> None:
        self._turn: dict[str, float] = {}
        self.begin()

    def begin(self) -> None:
        """Forget everything and start to count."""
        self.spent: dict[str, Spent] = {}
        self._turn.clear()
        self._since = time.thread_time()

    def enter(self, cpu: float) -> None:
        """Enter the CPU seconds of one callback for whoever pays in this context."""
        name = _payer.get()
        self._turn[name] = self._turn.get(name, 0.0) + cpu

    def close(self) -> None:
        """Share out what the loop took since it woke, for it goes to sleep again."""
        now = time.thread_time()
        own = now - self._since - sum(self._turn.values())
        self._since = now
        for name, cpu in self._turn.items():
            spent = self.spent.setdefault(name, Spent())
            spent.cpu += cpu + own / len(self._turn)
            spent.wakes += 1 / len(self._turn)
        self._turn.clear()


class _Selector(selectors.DefaultSelector):
    """Closes the account before each wait."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self._account = account

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._account.close()
        return super().select(timeout)


class PayingLoop(asyncio.SelectorEventLoop):
    """An event loop whose callbacks are paid for.

    Args:
        account: takes what they use.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        super().__init__(_Selector(account))

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        """See `asyncio.AbstractEventLoop`."""
        return super().call_soon(self._paid(callback), *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """See `asyncio.AbstractEventLoop`."""
        return super().call_at(when, self._paid(callback), *args, context=context)

    def _add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> Any:
        """What `add_reader` and asyncio's own transports call."""
        return super()._add_reader(fd, self._paid(callback), *args)  # type: ignore[misc]

    def _paid(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> None:
            before = time.thread_time()
            try:
                callback(*args)
            finally:
                self._account.enter(time.thread_time() - before)

        return run
