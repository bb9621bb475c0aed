"""A dispatcher under questioning, and the hosts that it may hear of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from math import inf
from types import MappingProxyType

import pytest

from farmhand.dispatch import dispatcher as module
from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import (
    RACING,
    Effect,
    Event,
    Here,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobReady,
    JobState,
    Place,
)
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

    def comes(self, job: int, *expected: Effect, needs: str = "") -> None:
        """A call comes and is preprocessed at once."""
        effects = self.dispatcher.handle(JobArrived(job, needs), self.now)
        assert effects + self.dispatcher.handle(JobReady(job), self.now) == list(expected)

    def trusts(self, *hosts: Host) -> None:
        """The next calls go to these hosts, in this order, and end well there."""
        for number, one in enumerate(hosts, 900):
            self.comes(number, Place(number, one))
        for number, one in enumerate(hosts, 900):
            self.says(JobDone(number, one.name))


LEAVING = (JobState.OUT, JobState.QUEUED_AGAIN, JobState.OUT_AGAIN)
STAYING = (JobState.QUEUED_HERE, JobState.HERE)
RACES = (*sorted(RACING, key=str), JobState.COPY_HERE)
WAITING = tuple(state for state in JobState if state not in (*LEAVING, *STAYING, *RACES))


def rows(states: Collection[JobState], tables: Iterable[str] = ("ON_EVENT", "ON_HOST", "ON_HERE")) -> list[object]:
    """What the tables hold for jobs in these states: the name of the table and the key of the row."""
    keys: list[tuple[str, JobState | tuple[JobState, object]]]
    keys = [(table, key) for table in tables for key in getattr(module, table)]
    return [
        pytest.param(table, key, id=f"{table}-{key}")
        for table, key in keys
        if (key if isinstance(key, JobState) else key[0]) in states
    ]


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
