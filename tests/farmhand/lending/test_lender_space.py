"""Every reachable configuration of lender and hostile world, walked exhaustively; no row of its tables is idle."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest

from farmhand.lending import lender as module
from farmhand.lending.events import (
    BoxDown,
    BoxUp,
    Drain,
    Drained,
    Effect,
    Event,
    Freeze,
    Join,
    Joined,
    LeaseLost,
    Renew,
    StartBox,
    StopBox,
    Thaw,
    Trim,
    TurnedAway,
    Urge,
    Want,
    Wanted,
    Withdraw,
    Woke,
)
from farmhand.lending.lender import ON_EVENT, ON_WANT, Lender, State
from tests.farmhand.lending import test_lender

SHARES = (Want(Urge.SHARE, 2), Want(Urge.SHARE, 1))
WANTS = (Want(Urge.LEND, 4), Want(Urge.LEND, 3), *SHARES, Want(Urge.HOLD), Want(Urge.KEEP), Want(Urge.KEEP_NOW))
FROZEN = (State.HELD, State.STOPPING, State.RESTING, State.KEPT)
"""States in which jobs may be frozen: held, or ended before they were let go."""


@dataclass(frozen=True)
class World:
    """The outside at its nastiest: it answers late, in any order, or never.

    Attributes:
        box: down, starting, up or stopping.
        asked: answers that the registry owes.
        held: leases that the registry believes in.
        frozen: whether jobs stand still.
        jobs: how many may be running. The gate admits nobody until it is told again when its first box is up.
    """

    box: str = "down"
    asked: int = 0
    held: frozenset[str] = frozenset()
    frozen: bool = False
    jobs: int = 0

    def after(self, effect: Effect) -> World:
        """The world once `effect` was asked for."""
        match effect:
            case StartBox():
                assert self.box == "down", f"a box was started while one was {self.box}"
                return replace(self, box="starting", frozen=False, jobs=0)
            case StopBox():
                return replace(self, box="down" if self.box == "down" else "stopping")
            case Join(slots) | Renew(_, slots):
                return replace(self, asked=min(2, self.asked + 1), jobs=max(self.jobs, slots))
            case Trim(slots):
                return replace(self, jobs=min(self.jobs, slots))
            case Withdraw(lease):
                return replace(self, held=self.held - {lease})
            case Freeze() | Thaw():
                return replace(self, frozen=isinstance(effect, Freeze))
            case Drain():
                return self

    def answers(self) -> Iterator[tuple[Event, World]]:
        """All that may happen next out there."""
        if self.box == "starting":
            yield BoxUp(), replace(self, box="up")
        if self.box != "down":
            yield BoxDown(), replace(self, box="down", jobs=0)
        if self.asked:
            for lease in ("a", "b"):
                yield Joined(lease, 30), replace(self, asked=self.asked - 1, held=self.held | {lease})
            yield TurnedAway(5), replace(self, asked=self.asked - 1)
            yield LeaseLost(), replace(self, asked=self.asked - 1, held=frozenset())
        yield Drained(), self


@dataclass(frozen=True)
class Configuration:
    """The lender and the world at one moment."""

    state: State
    want: Want
    lease: str | None
    wakes: bool
    world: World

    def step(self, event: Event, world: World) -> Configuration:
        """What `event`, which left the world as `world`, leads to."""
        lender = Lender(state=self.state, want=self.want, lease=self.lease, wake_at=0.0 if self.wakes else None)
        for effect in lender.handle(event, 0.0):
            world = world.after(effect)
        return Configuration(lender.state, lender.want, lender.lease, lender.wake_at is not None, world)

    def moves(self) -> Iterator[tuple[Event, World]]:
        """All that may happen next."""
        for want in WANTS:
            yield Wanted(want), self.world
        if self.wakes:
            yield Woke(), self.world
        yield from self.world.answers()


@cache
def reachable() -> frozenset[Configuration]:
    """Everything that can come to be."""
    fresh = Lender()
    start = Configuration(fresh.state, fresh.want, fresh.lease, False, World())
    seen, to_do = {start}, deque([start])
    while to_do:
        here = to_do.popleft()
        for event, world in here.moves():
            there = here.step(event, world)
            if there not in seen:
                seen.add(there)
                to_do.append(there)
    return frozenset(seen)


def test_every_state_can_be_reached() -> None:
    assert {here.state for here in reachable()} == set(State)


def test_every_row_of_the_event_table_is_used() -> None:
    met = {(here.state, type(event)) for here in reachable() for event, _ in here.moves()}
    assert set(ON_EVENT) <= met


def test_no_state_waits_without_a_deadline() -> None:
    assert all(here.wakes for here in reachable() if here.state is not State.KEPT)


def test_a_kept_machine_runs_nothing_and_holds_no_lease() -> None:
    for here in reachable():
        if here.state is State.KEPT:
            assert here.world.box == "down", here
            assert here.lease is None, here


def test_a_lent_machine_has_a_box_and_a_lease() -> None:
    for here in reachable():
        if here.state is State.LENT:
            assert here.world.box == "up", here
            assert here.lease is not None, here


def test_jobs_are_frozen_while_held_and_never_left_frozen() -> None:
    for here in reachable():
        if here.state is State.HELD:
            assert here.world.frozen, here
        if here.world.frozen:
            assert here.state in FROZEN, here


def test_an_owner_who_shares_the_machine_has_the_rest_of_it() -> None:
    """A share may shrink and let jobs finish, so the largest share is the measure."""
    for here in reachable():
        if here.want.urge is Urge.SHARE and here.state is not State.STOPPING:
            assert here.world.jobs <= max(want.slots for want in SHARES), here


def test_nobody_is_trimmed_who_leaves_the_machine_alone() -> None:
    for here in reachable():
        lender = Lender(state=here.state, want=here.want, lease=here.lease)
        for event, _ in here.moves():
            trims = any(isinstance(effect, Trim) for effect in copy.copy(lender).handle(event, 0.0))
            begins = isinstance(event, Wanted) and event.want.urge is Urge.SHARE and here.want.urge is not Urge.SHARE
            assert begins or not trims, (here, event)


def test_a_failed_start_is_not_repeated_without_a_rest() -> None:
    for here in reachable():
        if here.state in (State.FAILING, State.RESTING):
            for event, world in here.moves():
                if here.step(event, world).world.box == "starting" and world.box == "down":
                    assert isinstance(event, Woke), (here, event)


def test_from_anywhere_the_owner_gets_the_machine_back() -> None:
    """Keep now, and a world that answers: nothing runs, nothing is leased, nothing is still believed."""
    for start in reachable():
        here = start.step(Wanted(Want(Urge.KEEP_NOW)), start.world)
        for _ in range(8):
            if here.world.box != "down":
                here = here.step(BoxDown(), replace(here.world, box="down", jobs=0))
            elif here.world.asked:
                world = replace(here.world, asked=here.world.asked - 1, held=here.world.held | {"z"})
                here = here.step(Joined("z", 30), world)
            elif here.wakes:
                here = here.step(Woke(), here.world)
        assert here.state is State.KEPT, (start, here)
        assert here.world.box == "down", (start, here)
        assert here.lease is None, (start, here)
        assert "z" not in here.world.held, (start, here)


ROWS = [("ON_EVENT", row) for row in ON_EVENT] + [("ON_WANT", row) for row in ON_WANT]


@pytest.mark.parametrize(("table", "row"), ROWS, ids=lambda value: str(value))
def test_deleting_a_row_is_noticed(table: str, row: object, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = copy.copy(getattr(module, table))
    del rows[row]
    monkeypatch.setattr(module, table, rows)
    assert not _conversations_hold(), f"no conversation misses {row} of {table}"


def _conversations_hold() -> bool:
    """Play every conversation of `test_lender` against the tables as they are now."""
    for name, test in vars(test_lender).items():
        if not name.startswith("test_"):
            continue
        marks = {mark.args[0]: mark.args[1] for mark in getattr(test, "pytestmark", [])}
        cases: list[dict[str, object]] = [{}]
        for argument, values in marks.items():
            cases = [{**case, argument: value} for case in cases for value in values]
        for case in cases:
            try:
                test(**case)
            except AssertionError:
                return False
    return True
