from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from farmhand.registry.hub import EVERYTHING, MAX_LISTENERS, MAX_LISTENERS_EACH, MAX_PENDING, Hub
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


# --- room ---------------------------------------------------------------------
Stream = AsyncIterator[tuple[FarmChanged, ...]]


async def opened(hub: Hub, *sources: str) -> list[Stream]:
    """Streams that are being listened to."""
    streams = [hub.listen(60, source) for source in sources]
    for stream in streams:
        assert await anext(stream) == EVERYTHING
    return streams


async def test_of_too_many_listeners_the_oldest_goes() -> None:
    hub = Hub()
    streams = await opened(hub, *(str(number) for number in range(MAX_LISTENERS + 1)))
    assert await anext(streams[0], None) is None
    hub.tell(FarmChanged("host", "desk"))
    for stream in streams[1:]:
        assert await anext(stream) == (FarmChanged("host", "desk"),)


async def test_one_source_ends_no_stream_of_others() -> None:
    hub = Hub()
    honest, *greedy = await opened(hub, "atlas", *["borg"] * (MAX_LISTENERS_EACH + 2))
    assert [await anext(stream, None) for stream in greedy[:2]] == [None, None]
    hub.tell(FarmChanged("host", "desk"))
    for stream in (honest, greedy[2], greedy[-1]):
        assert await anext(stream) == (FarmChanged("host", "desk"),)
