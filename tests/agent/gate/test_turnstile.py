"""Slots at the gate."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from fakes.waiting import comes_true

from farmhand_agent.gate.admission import Client
from farmhand_agent.gate.turnstile import MAX_WAITING, Full, Turnstile

LONG = 20.0


def plain(name: str = "10.0.0.9") -> Client:
    return Client(name, name, name)


def granted(grant: str, limit: int) -> Client:
    return Client("ann@laptop", "ann", "laptop", "redis", limit, grant)


class Visitor:
    """Someone at the turnstile: enters when it may, stays until told to leave."""

    def __init__(self, turnstile: Turnstile, client: Client, patience: float = LONG) -> None:
        self.inside = False
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(self._visit(turnstile, client, patience))

    async def _visit(self, turnstile: Turnstile, client: Client, patience: float) -> None:
        async with turnstile.slot(client, patience):
            self.inside = True
            await self._leave.wait()
        self.inside = False

    async def leave(self) -> None:
        self._leave.set()
        await self.task


async def settle() -> None:
    """Let everybody who can move move."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_as_there_are_slots_go_in() -> None:
    turnstile = Turnstile(2)
    visitors = [Visitor(turnstile, plain()) for _ in range(3)]
    await settle()
    assert [one.inside for one in visitors] == [True, True, False]
    assert turnstile.taken == 2
    await visitors[0].leave()
    await settle()
    assert visitors[2].inside
    for one in visitors[1:]:
        await one.leave()
    assert turnstile.taken == 0


async def test_who_comes_first_is_served_first() -> None:
    turnstile = Turnstile(1)
    visitors = [Visitor(turnstile, plain()) for _ in range(4)]
    for place, one in enumerate(visitors):
        await comes_true(lambda one=one: one.inside)
        assert [later.inside for later in visitors[place + 1 :]] == [False] * (3 - place)
        await one.leave()


async def test_who_waits_in_vain_is_told_how_many_slots_there_are() -> None:
    turnstile = Turnstile(1)
    async with turnstile.slot(plain(), LONG):
        with pytest.raises(Full, match="all 1 slots are taken"):
            async with turnstile.slot(plain(), 0.01):
                pass
        assert turnstile.taken == 1
    async with turnstile.slot(plain(), 0.0):
        assert turnstile.taken == 1


async def test_no_patience_at_all_still_takes_a_free_slot_behind_somebody_who_may_not_have_it() -> None:
    turnstile = Turnstile(2)
    inside, waiting = Visitor(turnstile, granted("g1", 1)), Visitor(turnstile, granted("g1", 1))
    await settle()
    assert not waiting.inside
    async with turnstile.slot(plain(), 0.0):
        assert turnstile.taken == 2
    await inside.leave()
    await settle()
    await waiting.leave()


async def test_a_grant_never_holds_more_than_it_was_given() -> None:
    turnstile = Turnstile(4)
    visitors = [Visitor(turnstile, granted("g1", 2)) for _ in range(3)]
    other = Visitor(turnstile, granted("g2", 2))
    await settle()
    assert [one.inside for one in (*visitors, other)] == [True, True, False, True]
    await visitors[0].leave()
    await settle()
    assert visitors[2].inside
    for one in (*visitors[1:], other):
        await one.leave()


async def test_more_slots_take_effect_at_once_and_fewer_as_jobs_end() -> None:
    turnstile = Turnstile(1)
    visitors = [Visitor(turnstile, plain()) for _ in range(3)]
    await settle()
    turnstile.resize(2)
    await settle()
    assert [one.inside for one in visitors] == [True, True, False]
    turnstile.resize(1)
    await visitors[0].leave()
    await settle()
    assert (turnstile.taken, visitors[2].inside) == (1, False)
    await visitors[1].leave()
    await settle()
    assert visitors[2].inside
    await visitors[2].leave()


async def test_no_slots_admit_nobody() -> None:
    with pytest.raises(Full):
        async with Turnstile().slot(plain(), 0.0):
            pass


async def test_who_is_cancelled_while_waiting_leaves_no_trace() -> None:
    turnstile = Turnstile(1)
    async with AsyncExitStack() as inside:
        await inside.enter_async_context(turnstile.slot(plain(), LONG))
        waiting = Visitor(turnstile, plain())
        await settle()
        waiting.task.cancel()
        await asyncio.gather(waiting.task, return_exceptions=True)
    async with turnstile.slot(plain(), 0.0):
        assert turnstile.taken == 1


async def test_who_is_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    turnstile = Turnstile(1)
    first, second, third = (Visitor(turnstile, granted("g1", 1)) for _ in range(3))
    await settle()
    first.task.add_done_callback(lambda _: second.task.cancel())
    await first.leave()
    await settle()
    assert second.task.cancelled()
    assert (turnstile.taken, third.inside) == (1, True)
    await third.leave()
    assert turnstile.taken == 0


async def test_an_error_inside_gives_the_slot_back() -> None:
    turnstile = Turnstile(1)
    with pytest.raises(ZeroDivisionError):
        async with turnstile.slot(plain(), LONG):
            raise ZeroDivisionError
    assert turnstile.taken == 0


async def test_at_a_limit_of_none_nobody_waits() -> None:
    turnstile = Turnstile(1)
    inside, waiting = Visitor(turnstile, plain()), Visitor(turnstile, plain())
    await settle()
    turnstile.resize(0)
    with pytest.raises(Full, match="no more jobs"):
        await waiting.task
    with pytest.raises(Full, match="no more jobs"):
        await Visitor(turnstile, plain()).task
    assert inside.inside
    turnstile.resize(1)
    next_one = Visitor(turnstile, plain())
    await inside.leave()
    await settle()
    assert next_one.inside
    await next_one.leave()
    assert turnstile.taken == 0


async def test_who_leaves_while_being_turned_away_takes_no_slot_along() -> None:
    turnstile = Turnstile(1)
    inside, waiting = Visitor(turnstile, plain()), Visitor(turnstile, plain())
    await settle()
    turnstile.resize(0)
    waiting.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting.task
    assert turnstile.taken == 1
    await inside.leave()
    assert turnstile.taken == 0


async def test_nothing_is_remembered_of_who_is_gone() -> None:
    turnstile = Turnstile(1)
    visitors = [Visitor(turnstile, granted(f"g{number}", 1)) for number in range(3)]
    await settle()
    visitors[2].task.cancel()
    for one in visitors[:2]:
        await one.leave()
    waiting = [Visitor(turnstile, granted("g4", 1)) for _ in range(2)]
    await settle()
    turnstile.resize(0)
    await waiting[0].leave()
    results = await asyncio.gather(visitors[2].task, waiting[1].task, return_exceptions=True)
    assert [type(one) for one in results] == [asyncio.CancelledError, Full]
    assert (turnstile.taken, len(turnstile._waiting), len(turnstile._by_grant)) == (0, 0, 0)


# --- a crowd ------------------------------------------------------------------
async def test_of_too_many_who_wait_the_oldest_goes_of_those_who_are_most() -> None:
    turnstile = Turnstile(1)
    async with turnstile.slot(plain("inside"), 0.0), AsyncExitStack() as stack:
        honest = [Visitor(turnstile, plain("honest")) for _ in range(3)]
        crowd = [Visitor(turnstile, plain("greedy")) for _ in range(MAX_WAITING - 3)]
        for one in (*honest, *crowd):
            stack.callback(one.task.cancel)
        await settle()
        late = Visitor(turnstile, plain("late"))
        stack.callback(late.task.cancel)
        await settle()
        with pytest.raises(Full, match="too many wait for a slot"):
            await crowd[0].task
        assert not any(one.task.done() for one in (*honest, *crowd[1:], late))


async def test_a_crowd_keeps_nobody_out() -> None:
    turnstile = Turnstile(1)
    crowd: list[Visitor] = []
    async with turnstile.slot(plain("inside"), 0.0):
        honest = Visitor(turnstile, plain("honest"))
        crowd += [Visitor(turnstile, plain("greedy")) for _ in range(2 * MAX_WAITING)]
        await settle()
        assert sum(not one.task.done() for one in crowd) == MAX_WAITING - 1
    await settle()
    assert honest.inside
    turnstile.resize(0)
    await honest.leave()
    await asyncio.gather(*(one.task for one in crowd), return_exceptions=True)
