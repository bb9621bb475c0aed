from __future__ import annotations

import asyncio

from farmhand.registry.hub import EVERYTHING, MAX_PENDING, Hub
from farmhand.wire.farm import FarmChanged


async def test_a_listener_first_hears_that_everything_may_be_different() -> None:
    stream = Hub().listen(patience=60)
    assert await anext(stream) == EVERYTHING
    await stream.aclose()


async def test_it_hears_each_piece_of_news_once_and_in_order() -> None:
    hub = Hub()
    stream = hub.listen(patience=60)
    await anext(stream)
    for name in ("b", "a", "b"):
        hub.tell(FarmChanged("host", name))
    assert await anext(stream) == (FarmChanged("host", "b"), FarmChanged("host", "a"))
    await stream.aclose()


async def test_it_hears_that_nothing_happened() -> None:
    stream = Hub().listen(patience=0.001)
    await anext(stream)
    assert await anext(stream) == ()
    await stream.aclose()


async def test_one_that_falls_behind_costs_little_and_learns_that_it_missed_something() -> None:
    hub = Hub()
    stream = hub.listen(patience=60)
    await anext(stream)
    for number in range(MAX_PENDING + 1):
        hub.tell(FarmChanged("host", str(number)))
    assert await anext(stream) == EVERYTHING
    await stream.aclose()


async def test_a_waiting_listener_ends_when_the_hub_does() -> None:
    hub = Hub()

    async def listen() -> int:
        return len([piece async for piece in hub.listen(patience=60)])

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    hub.close()
    assert await asyncio.wait_for(listening, 30) <= 1
    assert await asyncio.wait_for(listen(), 30) == 0
