"""What is left at the gate when the owner returns: nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from fakes.box import BoxMaker, FakeBox
from fakes.gate_place import (
    DEAF,
    KEY,
    LOOPBACK,
    PLAIN,
    QUICK,
    Open,
    Place,
    begin,
    farm_admission,
    honest,
)
from fakes.procfs import descriptors, lives
from fakes.raw_client import RawClient
from fakes.waiting import comes_true

from farmhand_agent.boxes.room import most
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate


# --- reclaim -------------------------------------------------------------------
async def test_a_reclaim_leaves_nothing_and_tells_everybody() -> None:
    before = descriptors()
    place = Place(Admission.of("desk", KEY, LOOPBACK), QUICK)
    for _ in range(5):
        await place.gate.open("127.0.0.1", 0, 4)
        address = place.address
        clients = [await begin(place, DEAF) for _ in range(4)]
        await comes_true(lambda: len(place.running("trap")) >= 4)
        inside = place.inside()
        assert len(inside) > 12
        await place.reclaim()
        assert not any(map(lives, inside))
        assert (place.gate.jobs, place.gate.address) == ([], None)
        for client in clients:
            assert await client.is_cut()
            client.socket.close()
        with pytest.raises(ConnectionRefusedError):
            await RawClient.open(address)
    assert descriptors() == before


async def test_however_many_identities_came_there_are_few_boxes_and_a_reclaim_is_quick(opened: Open) -> None:
    """Every address is an identity, and clients with tickets choose their names themselves."""
    place = await opened(slots=2)
    most_at_once = 0

    async def come(sources: Iterator[str]) -> None:
        nonlocal most_at_once
        for source in sources:
            with await RawClient.open(place.address, source=source) as client:
                await client.say(PLAIN)
                assert (await client.reply()).status == 0
            most_at_once = max(most_at_once, sum(lives(box.init) for box in place.boxes))

    sources = iter([f"127.0.1.{number}" for number in range(1, 151)])
    await asyncio.gather(*(come(sources) for _ in range(2)))
    assert len(place.boxes) == 150
    assert most_at_once <= most(2)
    began = time.monotonic()
    await place.reclaim()
    assert time.monotonic() - began < 2.0
    assert not any(lives(box.init) for box in place.boxes)


async def test_a_reclaim_while_the_first_box_comes_up_leaves_nothing() -> None:
    before = descriptors()
    for delay in (0.0, 0.005, 0.02, 0.05, 0.1):
        place = Place(Admission.of("desk", KEY, LOOPBACK), QUICK)
        opening = asyncio.create_task(place.gate.open("127.0.0.1", 0, 2))
        await asyncio.sleep(delay)
        place.gate.shut()
        await asyncio.gather(opening, return_exceptions=True)
        async with asyncio.timeout(10):
            await place.gate.gone()
        assert place.gate.address is None
        assert not place.inside()
    assert descriptors() == before


async def test_a_reclaim_cuts_who_was_waiting_and_who_had_only_begun_to_speak(opened: Open) -> None:
    place = await opened(slots=1)
    with await begin(place), await RawClient.open(place.address) as waits, await RawClient.open(place.address) as half:
        await waits.say(PLAIN)
        await half.say(PLAIN[:11])
        await comes_true(lambda: place.gate._turnstile._waiting and place.gate._entrance.strangers)
        await place.reclaim()
        assert await waits.is_cut()
        assert await half.is_cut()


async def test_shutting_what_is_shut_does_nothing(place: Place) -> None:
    await place.reclaim()
    await place.reclaim()
    assert (place.gate.cpu_seconds(), place.gate.memory_mib()) == (0.0, 0.0)


async def test_a_repeated_reclaim_finds_what_is_not_gone_yet_and_proves_nothing_before_it_is() -> None:
    maker = BoxMaker()
    maker.make = lambda: FakeBox(dies_at_once=False)
    gate = Gate(maker.start, farm_admission(), QUICK, lambda: None)
    await gate.open("127.0.0.1", 0, 2)
    gate.shut()
    waiting = [asyncio.create_task(gate.gone())]
    await asyncio.sleep(0)
    gate.shut()
    waiting.append(asyncio.create_task(gate.gone()))
    done, _ = await asyncio.wait(waiting, timeout=0.05)
    assert (maker.made[0].killed, done) == (2, set())
    maker.made[0].die()
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)


async def test_a_gate_may_be_opened_again(place: Place) -> None:
    await place.reclaim()
    await place.gate.open("127.0.0.1", 0, 1)
    await honest(place)
