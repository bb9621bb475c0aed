"""What effects need of a gate. The test class that inherits from this has a fixture `gate`: one that is shut."""

from __future__ import annotations

import asyncio
from typing import Protocol


class AnyGate(Protocol):
    """The part of `Gate` that is used by the lender's hands."""

    address: tuple[str, int] | None

    @property
    def slots(self) -> int: ...
    async def open(self, host: str, port: int, slots: int) -> None: ...
    def resize(self, slots: int) -> None: ...
    def trim(self, slots: int) -> int: ...
    async def trimmed(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def shut(self) -> None: ...
    async def gone(self) -> None: ...


class GateContract:
    """The promises."""

    async def test_it_has_an_address_exactly_while_it_is_open(self, gate: AnyGate) -> None:
        assert gate.address is None
        await gate.open("127.0.0.1", 0, 2)
        assert gate.address is not None
        assert gate.address[1] > 0
        gate.shut()
        assert gate.address is None
        await soon_gone(gate)

    async def test_it_has_the_slots_it_was_given(self, gate: AnyGate) -> None:
        await gate.open("127.0.0.1", 0, 2)
        assert gate.slots == 2
        gate.resize(1)
        assert gate.slots == 1
        gate.shut()
        await soon_gone(gate)

    async def test_a_gate_without_jobs_is_trimmed_to_its_new_slots(self, gate: AnyGate) -> None:
        assert gate.trim(2) == 0
        await gate.open("127.0.0.1", 0, 2)
        assert gate.trim(1) == 0
        assert gate.slots == 1
        async with asyncio.timeout(30):
            await gate.trimmed()
        gate.shut()
        await soon_gone(gate)

    async def test_shutting_may_be_repeated_and_needs_nothing_open(self, gate: AnyGate) -> None:
        gate.shut()
        await soon_gone(gate)
        await gate.open("127.0.0.1", 0, 2)
        gate.shut()
        gate.shut()
        await soon_gone(gate)
        await soon_gone(gate)

    async def test_it_may_be_held_still_open_or_not_and_shut_in_that(self, gate: AnyGate) -> None:
        gate.freeze()
        gate.thaw()
        await gate.open("127.0.0.1", 0, 2)
        gate.freeze()
        gate.thaw()
        gate.freeze()
        gate.shut()
        await soon_gone(gate)

    async def test_a_shut_ends_an_opening_that_is_under_way(self, gate: AnyGate) -> None:
        opening = asyncio.create_task(gate.open("127.0.0.1", 0, 2))
        await asyncio.sleep(0)
        gate.shut()
        async with asyncio.timeout(30):
            await asyncio.gather(opening, return_exceptions=True)
        await soon_gone(gate)
        assert gate.address is None

    async def test_it_opens_again(self, gate: AnyGate) -> None:
        for slots in (1, 2):
            await gate.open("127.0.0.1", 0, slots)
            assert gate.slots == slots
            gate.shut()
            await soon_gone(gate)


async def soon_gone(gate: AnyGate) -> None:
    async with asyncio.timeout(30):
        await gate.gone()
