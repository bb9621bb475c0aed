"""How many boxes there may be, and who makes room for another one: the rule, and that boxes keep to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from fakes.box import BoxMaker, FakeBox
from fakes.waiting import comes_true

from farmhand_agent.boxes.box import BoxGone
from farmhand_agent.boxes.boxes import Boxes
from farmhand_agent.boxes.room import BESIDES, most, who_goes

MOST = most(1)


# --- the rule -----------------------------------------------------------------
def test_there_may_be_a_box_for_each_slot_and_a_few_more() -> None:
    assert [most(slots) for slots in (0, 1, 8)] == [4, 5, 12]


@pytest.mark.parametrize(
    ("idle", "living", "slots", "goes"),
    [
        ("", 4, 0, ""),
        ("", 9, 0, ""),
        ("abc", 5, 1, ""),
        ("abc", 6, 1, "a"),
        ("abc", 7, 1, "ab"),
        ("abc", 99, 1, "abc"),
        ("abc", 7, 4, ""),
    ],
)
def test_those_go_that_have_been_idle_for_longest(idle: str, living: int, slots: int, goes: str) -> None:
    assert who_goes(idle, living, slots) == goes


# --- boxes that keep to it ------------------------------------------------------
@pytest.fixture
async def maker() -> BoxMaker:
    return BoxMaker()


@pytest.fixture
async def boxes(maker: BoxMaker) -> AsyncIterator[Boxes]:
    """For one slot."""
    made = Boxes(maker.start, 1)
    await made.warm_up()
    yield made
    maker.let_go()
    made.kill_all()
    for box in maker.made:
        box.fault = None
        box.die()
    async with asyncio.timeout(30):
        await made.all_gone()


async def serve(boxes: Boxes, *names: str) -> None:
    """Run a short job for each, one after the other."""
    for name in names:
        async with boxes.serving(name):
            pass


def alive(maker: BoxMaker) -> str:
    """One letter for each box that was made: a, b, c ... for those that live."""
    return "".join(chr(ord("a") + number) for number, box in enumerate(maker.made) if box.alive)


async def test_the_longest_idle_one_ends_for_one_more(maker: BoxMaker, boxes: Boxes) -> None:
    await serve(boxes, *"abcde")
    assert alive(maker) == "abcde"
    await serve(boxes, "a", "f")
    assert alive(maker) == "acdef", "a had a job after b"
    await serve(boxes, "g")
    assert alive(maker) == "adefg"


async def test_one_with_a_job_never_ends_for_another(maker: BoxMaker, boxes: Boxes) -> None:
    async with boxes.serving("a"):
        await serve(boxes, *"bcdefgh")
        assert alive(maker) == "aefgh"


async def test_dying_boxes_count_until_they_are_gone(maker: BoxMaker, boxes: Boxes) -> None:
    maker.make = lambda: FakeBox(dies_at_once=False)
    await serve(boxes, *"abcde")
    coming = [asyncio.create_task(serve(boxes, name)) for name in "fg"]
    maker.made[0].die()
    await comes_true(lambda: len(maker.made) == 6)
    await asyncio.sleep(0)
    assert [box.killed for box in maker.made] == [1, 1, 0, 0, 0, 0]
    assert len(alive(maker)) == MOST
    maker.made[1].die()
    async with asyncio.timeout(30):
        await asyncio.gather(*coming)
    assert alive(maker) == "cdefg"


async def test_boxes_that_come_up_count(maker: BoxMaker, boxes: Boxes) -> None:
    await serve(boxes, "a")
    maker.hold()
    async with boxes.serving("a"):
        coming = [asyncio.create_task(serve(boxes, name)) for name in "bcdefghi"]
        await comes_true(lambda: maker.starting == MOST - 1)
        await asyncio.sleep(0.01)
        assert maker.starting == MOST - 1
        maker.let_go()
        async with asyncio.timeout(30):
            await asyncio.gather(*coming)
        assert len(alive(maker)) == MOST


async def test_where_none_is_idle_the_first_that_falls_idle_makes_room(maker: BoxMaker, boxes: Boxes) -> None:
    async with AsyncExitStack() as jobs:
        for name in "abcd":
            await jobs.enter_async_context(boxes.serving(name))
        async with boxes.serving("e"):
            coming = asyncio.create_task(serve(boxes, "f"))
            await asyncio.wait([coming], timeout=0.02)
            assert alive(maker) == "abcde"
        async with asyncio.timeout(30):
            await coming
        assert alive(maker) == "abcdf"


async def test_who_waits_for_room_in_vain_is_told_and_keeps_nobody_else_waiting(maker: BoxMaker) -> None:
    boxes = Boxes(maker.start, 1, room_within=0.02)
    await boxes.warm_up()
    async with AsyncExitStack() as jobs:
        for name in "abcde":
            await jobs.enter_async_context(boxes.serving(name))
        for _ in range(2):
            with pytest.raises(BoxGone, match="no room"):
                await serve(boxes, "f")
    await serve(boxes, "f")
    boxes.kill_all()
    await boxes.all_gone()


async def test_a_box_that_cannot_be_made_takes_no_room(maker: BoxMaker, boxes: Boxes) -> None:
    await serve(boxes, "a")
    maker.refuse = "no namespaces"
    for _ in range(2 * MOST):
        with pytest.raises(BoxGone, match="no namespaces"):
            await serve(boxes, "b")
    assert alive(maker) == "a"
    maker.refuse = ""
    await serve(boxes, *"bcde")
    assert alive(maker) == "abcde"


async def test_with_fewer_slots_there_are_fewer_idle_boxes(maker: BoxMaker) -> None:
    boxes = Boxes(maker.start, 4)
    await boxes.warm_up()
    await serve(boxes, *"abcdefgh")
    async with boxes.serving("a"):
        boxes.resize(2)
        assert alive(maker) == "adefgh"
        boxes.resize(0)
        assert alive(maker) == "afgh"
        assert len(alive(maker)) == BESIDES
    boxes.kill_all()
    await boxes.all_gone()


async def test_an_idle_box_that_cannot_be_killed_is_told_and_others_end(
    maker: BoxMaker, boxes: Boxes, caplog: pytest.LogCaptureFixture
) -> None:
    await serve(boxes, *"abcde")
    maker.made[0].fault = OSError("no")
    boxes.resize(-1)
    assert "an idle box could not be killed" in caplog.text
    assert alive(maker) == "acde"


async def test_a_reclaim_ends_the_waiting_for_room(maker: BoxMaker) -> None:
    boxes = Boxes(maker.start, 1)
    await boxes.warm_up()
    async with AsyncExitStack() as jobs:
        for name in "abcde":
            await jobs.enter_async_context(boxes.serving(name))
        coming = asyncio.create_task(serve(boxes, "f"))
        await asyncio.wait([coming], timeout=0.02)
        boxes.kill_all()
        async with asyncio.timeout(1.0):
            await boxes.all_gone()
        await asyncio.gather(coming, return_exceptions=True)
    assert alive(maker) == ""
