"""The lender's hands, with a gate and a farm that do what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
from contracts.gate import AnyGate, GateContract
from fakes.agent_gate import FakeAgentGate
from fakes.farm import FakeFarm
from fakes.waiting import comes_true

from farmhand.errors import OwnerError
from farmhand.lending.events import (
    BoxDown,
    BoxUp,
    Drain,
    Drained,
    Event,
    Freeze,
    Join,
    Joined,
    Renew,
    StartBox,
    StopBox,
    Thaw,
    Trim,
    TurnedAway,
    Withdraw,
)
from farmhand.wire.history import ReclaimRecord
from farmhand_agent.boxes.box import Box, BoxGone, BoxPlan
from farmhand_agent.effects import Effects
from farmhand_agent.farm import Offer
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate, Patience


class TestFakeGate(GateContract):
    @pytest.fixture
    async def gate(self) -> AnyGate:
        return FakeAgentGate()


class TestRealGate(GateContract):
    @pytest.fixture
    async def gate(self) -> AsyncIterator[AnyGate]:
        real = Gate(lambda: Box.start(BoxPlan(2, 64)), Admission("desk", bytes(32)), Patience(), lambda: None)
        yield real
        real.shut()
        await real.gone()


@pytest.fixture
async def gate() -> FakeAgentGate:
    return FakeAgentGate()


@pytest.fixture
async def farm() -> FakeFarm:
    return FakeFarm()


class Hands:
    """Effects, and the events they led to."""

    def __init__(self, gate: FakeAgentGate, farm: FakeFarm) -> None:
        self.events: list[Event] = []
        self.reclaims: list[ReclaimRecord] = []
        where = ("127.0.0.1", 0)
        self.effects = Effects(cast(Gate, gate), where, farm, 4, self.events.append, self.reclaims.append)

    async def answer(self) -> Event:
        """The next event."""
        await comes_true(lambda: self.events)
        return self.events.pop(0)


@pytest.fixture
async def hands(gate: FakeAgentGate, farm: FakeFarm) -> Hands:
    return Hands(gate, farm)


async def test_a_box_comes_up_and_goes_down(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    assert await hands.answer() == BoxUp()
    hands.effects.carry_out(StopBox())
    assert await hands.answer() == BoxDown()
    assert gate.told == ["open 2", "shut"]
    assert hands.effects.reclaims == 1
    assert hands.effects.last_reclaim_ms is not None


async def test_a_stop_shuts_the_gate_before_it_returns(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    await hands.answer()
    hands.effects.carry_out(StopBox())
    assert gate.address is None


async def test_a_stop_is_over_when_everything_is_gone_and_not_before(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    await hands.answer()
    gate.hold_ending()
    hands.effects.cause = asyncio.get_running_loop().time() - 0.5
    hands.effects.carry_out(StopBox())
    for _ in range(10):
        await asyncio.sleep(0)
    assert hands.events == []
    gate.let_end()
    assert await hands.answer() == BoxDown()
    assert hands.effects.last_reclaim_ms is not None
    assert hands.effects.last_reclaim_ms >= 500, "counted from what caused it"


async def test_two_orders_to_stop_are_one_end(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    await hands.answer()
    gate.hold_ending()
    hands.effects.carry_out(StopBox())
    hands.effects.carry_out(StopBox(force=True))
    gate.let_end()
    assert await hands.answer() == BoxDown()
    assert gate.told == ["open 2", "shut", "shut"], "the order itself is repeated"
    assert (hands.events, hands.effects.reclaims) == ([], 1)


async def test_a_stop_while_the_box_comes_up_ends_that_first(gate: FakeAgentGate, hands: Hands) -> None:
    gate.hold_opening()
    hands.effects.carry_out(StartBox(2))
    await comes_true(lambda: gate.told)
    hands.effects.carry_out(StopBox())
    assert await hands.answer() == BoxDown()
    assert hands.events == [], "a box that was stopped never says it is up"


@pytest.mark.parametrize("wrong", [BoxGone("no namespaces"), OwnerError("the port is taken")])
async def test_what_keeps_a_box_from_coming_up_is_told_until_one_does(
    gate: FakeAgentGate, hands: Hands, wrong: Exception
) -> None:
    gate.refuse = wrong
    hands.effects.carry_out(StartBox(2))
    assert await hands.answer() == BoxDown()
    assert hands.effects.trouble == str(wrong)
    gate.refuse = None
    hands.effects.carry_out(StartBox(2))
    assert await hands.answer() == BoxUp()
    assert hands.effects.trouble == ""


async def test_joining_tells_the_farm_what_the_gate_offers(gate: FakeAgentGate, farm: FakeFarm, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    await hands.answer()
    hands.effects.others_cpu = 0.25
    gate.jobs.append("a job")
    hands.effects.carry_out(Join(3))
    assert await hands.answer() == Joined("lease", 60.0)
    hands.effects.carry_out(Renew("lease", 1))
    await hands.answer()
    assert farm.offers == [
        Offer("127.0.0.1", 40000, 3, 1, 4, 0.25),
        Offer("127.0.0.1", 40000, 1, 1, 4, 0.25),
    ]
    assert gate.told == ["open 2", "resize 3", "resize 1"]


async def test_a_refusal_is_an_answer(gate: FakeAgentGate, farm: FakeFarm, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    await hands.answer()
    farm.trouble = "away"
    hands.effects.carry_out(Join(2))
    assert isinstance(await hands.answer(), TurnedAway)


async def test_nothing_is_offered_when_the_gate_is_shut_already(farm: FakeFarm, hands: Hands) -> None:
    hands.effects.carry_out(Join(2))
    for _ in range(5):
        await asyncio.sleep(0)
    assert farm.offers == []


async def test_withdrawing_is_the_farms(farm: FakeFarm, hands: Hands) -> None:
    hands.effects.carry_out(Withdraw("lease"))
    assert farm.withdrawn == 1


async def test_holding_still_is_the_gates(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(Freeze())
    hands.effects.carry_out(Thaw())
    assert gate.told == ["freeze", "thaw"]


async def test_a_trim_is_a_reclaim_and_over_when_it_is_proved(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(4))
    await hands.answer()
    hands.effects.carry_out(Join(4))
    await hands.answer()
    gate.jobs.extend(["one", "two", "three"])
    gate.hold_ending()
    hands.effects.cause = asyncio.get_running_loop().time() - 0.5
    hands.effects.rule = "while you work"
    hands.effects.carry_out(Trim(2))
    assert gate.jobs == ["one", "two"]
    for _ in range(10):
        await asyncio.sleep(0)
    assert hands.effects.reclaims == 0
    gate.let_end()
    await comes_true(lambda: hands.reclaims)
    (told,) = hands.reclaims
    assert (told.rule, told.jobs, told.slots) == ("while you work", 1, 4)
    assert told.milliseconds >= 500, "counted from what caused it"
    assert (hands.effects.reclaims, hands.effects.last_reclaim_ms) == (1, told.milliseconds)
    assert hands.effects.reclaim_p50_ms == told.milliseconds
    assert hands.events == [], "the machine stays lent"


async def test_a_trim_that_ends_no_job_is_no_reclaim(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(4))
    await hands.answer()
    gate.jobs.append("one")
    hands.effects.carry_out(Trim(2))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (hands.effects.reclaims, gate.jobs) == (0, ["one"])


async def test_jobs_that_cannot_be_ended_alone_are_ended_with_all_others(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(4))
    await hands.answer()
    gate.refuse = OSError("no")
    hands.effects.carry_out(Trim(2))
    assert await hands.answer() == BoxDown()
    assert gate.told == ["open 4", "trim 2", "shut"]


async def test_draining_admits_nobody_and_answers_when_the_last_has_gone(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    await hands.answer()
    gate.jobs.append("a job")
    hands.effects.carry_out(Drain())
    hands.effects.look_for_drained()
    for _ in range(5):
        await asyncio.sleep(0)
    assert hands.events == []
    assert gate.slots == 0
    gate.jobs.clear()
    hands.effects.look_for_drained()
    assert await hands.answer() == Drained()


async def test_what_the_last_jobs_took_to_end_is_no_part_of_the_reclaim(gate: FakeAgentGate, hands: Hands) -> None:
    hands.effects.carry_out(StartBox(2))
    await hands.answer()
    hands.effects.cause = asyncio.get_running_loop().time() - 60
    hands.effects.carry_out(Drain())
    assert await hands.answer() == Drained()
    hands.effects.carry_out(StopBox())
    assert await hands.answer() == BoxDown()
    assert hands.effects.last_reclaim_ms is not None
    assert hands.effects.last_reclaim_ms < 30_000
