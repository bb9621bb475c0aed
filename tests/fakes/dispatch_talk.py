"""A dispatcher under questioning, and the hosts that it may hear of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from types import MappingProxyType

import pytest

from farmhand.dispatch import dispatcher as module
from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import Effect, Event, Here, Host, HostsChanged
from farmhand.dispatch.racing import Usual


def host(name: str, slots: int = 1, speed: float = 2.0, *toolchains: str) -> Host:
    return Host(name, "127.0.0.1", 3632, slots, speed, "ticket", frozenset(toolchains))


A, B, C = host("a", speed=4.0), host("b", speed=3.0), host("c", speed=2.0)
GCC, CLANG = host("g", 1, 4.0, "gcc=12"), host("l", 1, 3.0, "clang=14")


class Never(Usual):
    """Finds no job slow or late."""

    def slow_after(self, speed: float) -> float:
        """Never."""
        return inf

    late_after = slow_after


class Hurried(Usual):
    """Finds every job late very soon."""

    def slow_after(self, speed: float) -> float:
        """A moment."""
        return 0.2

    late_after = slow_after


class Talk:
    """A dispatcher under questioning; time stands still unless told otherwise."""

    def __init__(self, *hosts: Host, here: int = 1, reserve: int = 1, usual: Usual | None = None) -> None:
        self.dispatcher = Dispatcher(Here(here, reserve, name="me"), usual=usual or Usual())
        self.now = 0.0
        self.says(HostsChanged(hosts))

    def says(self, event: Event, *expected: Effect) -> None:
        assert self.dispatcher.handle(event, self.now) == list(expected)


def fails_without(
    monkeypatch: pytest.MonkeyPatch, table: str, row: object, plays: Iterable[Callable[[], object]]
) -> bool:
    """Take one row out of one of the dispatcher's tables and tell whether one of the plays fails then."""
    rows: Mapping[object, object] = getattr(module, table)
    monkeypatch.setattr(module, table, MappingProxyType({key: rows[key] for key in rows if key != row}))
    failures = 0
    for play in plays:
        try:
            play()
        except (AssertionError, KeyError):
            failures += 1
    return failures > 0
