"""A registry's link without a registry: the test says which hosts there are and how it fails."""

from __future__ import annotations

import queue
from collections.abc import Iterator

from farmhand.errors import Refused, Unreachable
from farmhand.wire.farm import FarmChanged, GrantAnswer, GrantAsk, GrantRenew, Share


class FakeFarmLink:
    """Answers from memory.

    Attributes:
        shares: what a grant may use now; change it with `change`.
        down: nobody answers.
        calls: what was asked, in order: "ask", "renew g1", "release g1".
        wants: the slots wanted in each ask and renewal.
    """

    def __init__(self, *shares: Share, ttl: float = 6.0, renew_in: float = 2.0) -> None:
        """Take the hosts and the pace of the grants."""
        self.shares = shares
        self.down = False
        self.calls: list[str] = []
        self.wants: list[int] = []
        self._ttl = ttl
        self._renew_in = renew_in
        self._grants: set[str] = set()
        self._count = 0
        self._closed = False
        self._changes: queue.Queue[FarmChanged | None] = queue.Queue()

    def ask(self, ask: GrantAsk, /) -> GrantAnswer:
        """Open a grant."""
        self._speak("ask")
        self._count += 1
        self._grants.add(f"g{self._count}")
        return self._answer(f"g{self._count}", ask.want)

    def renew(self, grant: str, renew: GrantRenew, /) -> GrantAnswer:
        """Keep a grant alive."""
        self._speak(f"renew {grant}")
        if grant not in self._grants:
            raise Refused(f"no grant {grant}")
        return self._answer(grant, renew.want)

    def release(self, grant: str, /) -> None:
        """End a grant."""
        self._speak(f"release {grant}")
        self._grants.discard(grant)

    def changes(self) -> Iterator[FarmChanged]:
        """Yield changes until closed; first of all that everything may be different."""
        self._speak("changes")
        yield FarmChanged("host")
        while (change := self._changes.get()) is not None:
            yield change

    def close(self) -> None:
        """End the stream; nobody is there afterwards."""
        self._closed = True
        self._changes.put(None)

    def change(self, *shares: Share) -> None:
        """From now on these are the hosts; tell whoever listens."""
        self.shares = shares
        self._changes.put(FarmChanged("host"))

    def forget(self) -> None:
        """Lose all grants, as a registry that starts anew."""
        self._grants.clear()

    def _speak(self, what: str) -> None:
        if self.down or self._closed:
            raise Unreachable("no registry answers")
        self.calls.append(what)

    def _answer(self, grant: str, want: int) -> GrantAnswer:
        self.wants.append(want)
        return GrantAnswer("i1", grant, self._ttl, self._renew_in, self.shares)
