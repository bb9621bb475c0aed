"""Keeps a build's grant alive in the background and passes on which hosts it may use now.

The link to the registry blocks, so it lives in two threads: one renews, one listens for changes. `dispatch.claim`
decides when to speak.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Protocol

import msgspec

from farmhand.dispatch.claim import RETRY, Claim
from farmhand.dispatch.jobs import Host
from farmhand.errors import PeerError, Refused
from farmhand.machine import MAX_SLOTS, is_address, is_host_name
from farmhand.wire.farm import FarmChanged, GrantAnswer, GrantAsk, GrantRenew, Share

LONGEST_SLEEP = 60.0
"""Seconds that the renewing thread sleeps at most, whatever the registry says."""


FIRST_ANSWER = 1.0
"""Seconds for which a build's start waits for the registry; a later answer finds it compiling here."""

GOODBYE = 1.0
"""Seconds for which a build's end waits until the registry has heard of it; a grant ends by itself, too."""


class FarmLink(Protocol):
    """The registry, for several threads at once; each method raises PeerError when it fails."""

    def ask(self, ask: GrantAsk, /) -> GrantAnswer:
        """Ask for a grant."""
        ...

    def renew(self, grant: str, renew: GrantRenew, /) -> GrantAnswer:
        """Keep a grant."""
        ...

    def release(self, grant: str, /) -> None:
        """Give a grant back."""
        ...

    def changes(self) -> Iterator[FarmChanged]:
        """Wait for changes of the farm, one after the other."""
        ...

    def close(self) -> None:
        """End the connection, also under a thread that waits in it."""
        ...


class Grants:
    """One build's claim."""

    def __init__(
        self,
        link: FarmLink,
        ask: GrantAsk,
        on_hosts: Callable[[tuple[Host, ...]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts.

        Args:
            link: to the registry; closed at the end.
            ask: the question.
            on_hosts: told the hosts whenever they may have changed; called from the thread that renews.
            clock: seconds.
        """
        self._link = link
        self._ask = ask
        self._on_hosts = on_hosts
        self._clock = clock
        self._claim = Claim()
        self._want = ask.want
        self._news = threading.Condition()
        self._ending = threading.Event()
        self._answered = threading.Event()
        self._first: tuple[tuple[Host, ...], str] = ((), f"no answer in {FIRST_ANSWER:g} s")
        self._threads = [
            threading.Thread(target=work, name=f"farmhand-{name}", daemon=True)
            for name, work in (("grant", self._keep), ("changes", self._listen))
        ]

    def begin(self) -> tuple[tuple[Host, ...], str]:
        """Ask, then keep the grant in the background.

        Returns:
            The hosts, and why there are none if the registry did not answer, or not within `FIRST_ANSWER`.
        """
        keeping, listening = self._threads
        keeping.start()
        self._answered.wait(FIRST_ANSWER)
        listening.start()
        return self._first

    def need(self, slots: int) -> None:
        """From now on the build can use this many slots; the registry hears of more at once, of less in time."""
        with self._news:
            more = slots > self._want
            self._want = min(slots, MAX_SLOTS)
            if more and self._claim.grant:
                self._claim.hurry(self._clock())
                self._news.notify()

    def end(self) -> None:
        """Give the grant back; threads that still wait for an answer end by themselves."""
        self._ending.set()
        with self._news:
            self._news.notify()
        releasing = threading.Thread(target=self._release, name="farmhand-release", daemon=True)
        releasing.start()
        releasing.join(GOODBYE)
        self._link.close()
        for thread in self._threads:
            thread.join(GOODBYE / 2)

    def _release(self) -> None:
        if self._claim.grant:
            with suppress(PeerError):
                self._link.release(self._claim.grant)

    def _keep(self) -> None:
        while not self._ending.is_set():
            now = self._clock()
            if self._claim.lapsed(now):
                self._on_hosts(())
            if now >= self._claim.due:
                self._renew()
            with self._news:
                if not self._ending.is_set():
                    self._news.wait(max(0.0, min(self._claim.wake_at - self._clock(), LONGEST_SLEEP)))

    def _renew(self) -> None:
        try:
            hosts = self._speak()
        except Refused as wrong:
            self._note_first((), str(wrong))
            hosts = ()
        except PeerError as wrong:
            self._note_first((), str(wrong))
            return
        if not self._ending.is_set():
            self._on_hosts(hosts)
        self._note_first(hosts, "")

    def _note_first(self, hosts: tuple[Host, ...], trouble: str) -> None:
        """Remember the first answer, or what came instead of it, for `begin`."""
        if not self._answered.is_set():
            self._first = (hosts, trouble)
            self._answered.set()

    def _speak(self) -> tuple[Host, ...]:
        """Ask or renew.

        Raises:
            PeerError: no usable answer; the claim knows it already.
        """
        grant, want = self._claim.grant, self._want
        self._claim.speaking()
        try:
            if grant:
                answer = self._link.renew(grant, GrantRenew(want))
            else:
                answer = self._link.ask(msgspec.structs.replace(self._ask, want=want))
        except Refused:
            self._claim.refused(self._clock())
            raise
        except PeerError:
            self._claim.unanswered(self._clock())
            raise
        self._claim.granted(answer.grant, answer.ttl, answer.renew_in, self._clock())
        return hosts_of(answer.shares)

    def _listen(self) -> None:
        while not self._ending.is_set():
            with suppress(PeerError):
                for _ in self._link.changes():
                    with self._news:
                        self._claim.hurry(self._clock())
                        self._news.notify()
            self._ending.wait(RETRY)


def hosts_of(shares: tuple[Share, ...]) -> tuple[Host, ...]:
    """The hosts that a registry's answer names, without those that could not be one."""
    return tuple(
        Host(
            share.name,
            share.address,
            share.port,
            share.slots,
            share.speed,
            share.ticket,
            frozenset(share.toolchains),
        )
        for share in shares
        if is_host_name(share.name)
        and is_address(share.address)
        and 0 < share.port <= 65535
        and 0 < share.slots <= MAX_SLOTS
        and share.speed > 0
    )
