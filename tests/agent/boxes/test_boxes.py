"""Who gets which box, and when boxes end; with boxes that do what the test says."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from contracts.box import BoxContract
from fakes.box import BoxMaker, FakeBox
from fakes.waiting import comes_true

from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.boxes.box import BoxGone
from farmhand_agent.boxes.boxes import SAME_LOOK, Boxes


class TestFakeBox(BoxContract):
    @pytest.fixture
    async def box(self) -> AsyncIterator[FakeBox]:
        made = FakeBox()
        yield made
        made.die()


@pytest.fixture
async def maker() -> BoxMaker:
    return BoxMaker()


@pytest.fixture
async def boxes(maker: BoxMaker) -> AsyncIterator[Boxes]:
    made = Boxes(maker.start, 8, clock=lambda: maker.now)
    await made.warm_up()
    yield made
    maker.let_go()
    made.kill_all()
    for box in maker.made:
        box.die()
    async with asyncio.timeout(30):
        await made.all_gone()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def serve(boxes: Boxes, identity: str) -> AnyBox:
    """Run one short job and return the box it was in."""
    async with boxes.serving(identity) as box:
        return box


async def test_the_first_client_gets_the_box_that_proved_the_sandbox(maker: BoxMaker, boxes: Boxes) -> None:
    assert await serve(boxes, "ann") is maker.made[0]
    assert await serve(boxes, "bob") is maker.made[1]
    await settle()
    assert len(maker.made) == 2, "no box runs that nobody asked for"


async def test_one_identity_one_box(maker: BoxMaker, boxes: Boxes) -> None:
    async with boxes.serving("ann") as one, boxes.serving("ann") as other:
        assert one is other
    assert await serve(boxes, "ann") is one
    await settle()
    assert len(maker.made) == 1


async def test_two_identities_never_share_not_even_when_they_come_at_once(maker: BoxMaker, boxes: Boxes) -> None:
    names = [name for name in ("ann", "bob", "cat") for _ in range(3)]
    async with AsyncExitStack() as jobs:
        got = await asyncio.gather(*(jobs.enter_async_context(boxes.serving(name)) for name in names))
        by_name = {name: {box for box, of in zip(got, names, strict=True) if of == name} for name in names}
        assert [len(held) for held in by_name.values()] == [1, 1, 1]
        assert len({id(box) for box in got}) == 3


async def test_a_box_that_died_is_replaced(maker: BoxMaker, boxes: Boxes) -> None:
    first = await serve(boxes, "ann")
    assert isinstance(first, FakeBox)
    first.die()
    again = await serve(boxes, "ann")
    assert again is not first
    assert again.alive


async def test_several_jobs_that_find_their_box_dead_share_the_new_one(maker: BoxMaker, boxes: Boxes) -> None:
    maker.hold()
    first = await serve(boxes, "ann")
    assert isinstance(first, FakeBox)
    first.die()
    async with AsyncExitStack() as jobs:
        entering = [jobs.enter_async_context(boxes.serving("ann")) for _ in range(3)]
        asyncio.get_running_loop().call_soon(maker.let_go)
        assert len(set(await asyncio.gather(*entering))) == 1


async def test_a_spare_that_died_is_not_given_out(maker: BoxMaker, boxes: Boxes) -> None:
    maker.made[0].die()
    box = await serve(boxes, "ann")
    assert box is maker.made[1]


async def test_boxes_that_die_as_soon_as_they_are_up_are_given_up(maker: BoxMaker, boxes: Boxes) -> None:
    def stillborn() -> FakeBox:
        box = FakeBox()
        box.die()
        return box

    maker.made[0].die()
    maker.make = stillborn
    with pytest.raises(BoxGone, match="as soon as they have come up"):
        await serve(boxes, "ann")


async def test_no_box_can_be_made_is_told_and_tried_again(maker: BoxMaker, boxes: Boxes) -> None:
    maker.refuse = "no namespaces"
    assert await serve(boxes, "ann") is maker.made[0]
    await settle()
    with pytest.raises(BoxGone, match="no namespaces"):
        await serve(boxes, "bob")
    maker.refuse = ""
    assert (await serve(boxes, "bob")).alive


async def test_an_idle_box_ends(maker: BoxMaker) -> None:
    boxes = Boxes(maker.start, 8, idle_after=0.02)
    await boxes.warm_up()
    async with boxes.serving("ann") as box:
        assert isinstance(box, FakeBox)
        async with boxes.serving("ann"):
            pass
        done, _ = await asyncio.wait([asyncio.create_task(box.gone())], timeout=0.1)
        assert not done, "a box with a job is not idle"
    await comes_true(lambda: box.killed)
    assert await serve(boxes, "ann") is not box
    boxes.kill_all()
    await boxes.all_gone()
    assert all(one.killed for one in maker.made)


async def test_a_job_in_time_keeps_the_box(maker: BoxMaker) -> None:
    boxes = Boxes(maker.start, 8, idle_after=0.2)
    await boxes.warm_up()
    first = await serve(boxes, "ann")
    async with boxes.serving("ann") as box:
        await asyncio.wait([asyncio.create_task(box.gone())], timeout=0.3)
        assert box is first
        assert box.alive
    boxes.kill_all()
    await boxes.all_gone()


# --- boxes that are not to be trusted any more ------------------------------
async def test_a_retired_box_takes_no_new_jobs_and_ends_with_its_last(maker: BoxMaker, boxes: Boxes) -> None:
    async with boxes.serving("ann") as old:
        async with boxes.serving("ann"):
            boxes.retire(old)
            async with boxes.serving("ann") as new:
                assert new is not old
        assert old.alive
    await comes_true(lambda: not old.alive)
    assert await serve(boxes, "ann") is new


async def test_when_boxes_are_made_otherwise_running_jobs_finish_and_the_next_get_new_ones(
    maker: BoxMaker, boxes: Boxes
) -> None:
    async with boxes.serving("ann") as old:
        boxes.renew()
        assert old.alive
        assert await serve(boxes, "ann") is maker.made[1]
    assert not old.alive


async def test_an_unused_box_and_one_that_comes_up_are_not_used_when_boxes_are_made_otherwise(
    maker: BoxMaker, boxes: Boxes
) -> None:
    maker.hold()
    async with boxes.serving("ann"):
        waiting = asyncio.create_task(serve(boxes, "bob"))
        await settle()
        boxes.renew()
        maker.let_go()
        assert await waiting is maker.made[2]
    assert [box.alive for box in maker.made] == [False, False, True]


async def test_a_box_without_jobs_retires_at_once(maker: BoxMaker, boxes: Boxes) -> None:
    box = await serve(boxes, "ann")
    boxes.retire(box)
    assert isinstance(box, FakeBox)
    assert box.killed == 1
    boxes.retire(box)
    boxes.end(box)
    assert box.killed == 1


async def test_ending_a_box_ends_that_one_only(maker: BoxMaker, boxes: Boxes) -> None:
    async with boxes.serving("ann") as anns, boxes.serving("bob") as bobs:
        boxes.end(anns)
        assert not anns.alive
        assert bobs.alive
        async with boxes.serving("ann") as again:
            assert again is not anns


async def test_nothing_is_remembered_of_who_is_gone(maker: BoxMaker) -> None:
    boxes = Boxes(maker.start, 8, idle_after=0.0)
    await boxes.warm_up()
    for number in range(20):
        await serve(boxes, f"client {number}")
    await comes_true(lambda: not boxes._tenants and not boxes._jobs and not boxes._ending and not boxes._cpu)
    boxes.kill_all()
    await boxes.all_gone()


# --- jobs that are cut ------------------------------------------------------
async def test_a_job_cancelled_while_its_box_comes_up_leaks_nothing(maker: BoxMaker, boxes: Boxes) -> None:
    await serve(boxes, "ann")
    maker.hold()
    waiting = asyncio.create_task(serve(boxes, "bob"))
    await comes_true(lambda: maker.starting == 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    maker.let_go()
    await comes_true(lambda: len(maker.made) == 2)
    assert await serve(boxes, "cat") is maker.made[1], "the box it waited for goes to the next one"


async def test_a_box_that_nobody_needs_any_more_is_ended(maker: BoxMaker, boxes: Boxes) -> None:
    maker.hold()
    await serve(boxes, "ann")
    waiting = [asyncio.create_task(serve(boxes, name)) for name in ("bob", "cat")]
    await comes_true(lambda: maker.starting == 2)
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    maker.let_go()
    await comes_true(lambda: len(maker.made) == 3)
    await comes_true(lambda: [box.killed for box in maker.made].count(1) == 1)


# --- a part taken back --------------------------------------------------------
async def test_all_boxes_end_but_those_that_are_kept(maker: BoxMaker, boxes: Boxes) -> None:
    await serve(boxes, "dan")
    async with boxes.serving("ann") as anns, boxes.serving("bob") as bobs, boxes.serving("cat") as cats:
        boxes.retire(cats)
        boxes.end_all_but({anns, cats})
        assert [box.alive for box in (anns, bobs, cats)] == [True, False, False], "a retired box is not trusted"
        assert not maker.made[0].alive, "nor an idle one"
        await boxes.ended()
        async with boxes.serving("bob") as again:
            assert again is not bobs


async def test_a_part_is_taken_back_when_the_last_of_it_is_gone(maker: BoxMaker) -> None:
    maker.make = lambda: FakeBox(dies_at_once=False)
    boxes = Boxes(maker.start, 8)
    await boxes.warm_up()
    async with boxes.serving("ann") as anns, boxes.serving("bob"):
        boxes.end_all_but({anns})
        ending = asyncio.create_task(boxes.ended())
        await settle()
        assert not ending.done()
        maker.made[1].die()
        async with asyncio.timeout(30):
            await ending
    boxes.kill_all()
    maker.made[0].die()
    await boxes.all_gone()


async def test_a_box_that_cannot_be_killed_is_told_when_all_others_are(maker: BoxMaker, boxes: Boxes) -> None:
    async with boxes.serving("ann"), boxes.serving("bob"), boxes.serving("cat"):
        stubborn = maker.made[1]
        stubborn.fault = OSError("no")
        with pytest.raises(OSError, match="no"):
            boxes.end_all_but(())
        assert [box.alive for box in maker.made] == [False, True, False]
        stubborn.fault = None


@pytest.mark.parametrize("end", [Boxes.kill_all, lambda boxes: boxes.end_all_but(())])
async def test_the_dying_are_helped_when_all_are_killed(
    maker: BoxMaker, boxes: Boxes, end: Callable[[Boxes], None]
) -> None:
    seen: list[list[int]] = []

    class Watched(FakeBox):
        def members(self) -> list[int]:
            seen.append([box.killed for box in maker.made])
            return []

    maker.make = Watched
    async with boxes.serving("ann"), boxes.serving("bob"), boxes.serving("cat"):
        end(boxes)
    await comes_true(lambda: len(seen) == 2)
    assert seen == 2 * [[1, 1, 1]]


# --- reclaim ----------------------------------------------------------------
async def test_a_reclaim_ends_everything_and_waits_for_the_last(maker: BoxMaker) -> None:
    maker.make = lambda: FakeBox(dies_at_once=False)
    boxes = Boxes(maker.start, 8)
    await boxes.warm_up()
    async with boxes.serving("ann"), boxes.serving("bob"):
        boxes.kill_all()
        assert [box.killed for box in maker.made[:2]] == [1, 1]
        leaving = asyncio.create_task(boxes.all_gone())
        for box in list(maker.made):
            await settle()
            assert not leaving.done()
            box.die()
        async with asyncio.timeout(30):
            await leaving
    with pytest.raises(BoxGone, match="taken back"):
        await serve(boxes, "ann")


async def test_a_reclaim_while_boxes_come_up_stops_them(maker: BoxMaker) -> None:
    maker.hold()
    boxes = Boxes(maker.start, 8)
    rising = asyncio.create_task(boxes.warm_up())
    await comes_true(lambda: maker.starting == 1)
    boxes.kill_all()
    async with asyncio.timeout(30):
        await boxes.all_gone()
    assert (maker.starting, maker.made) == (0, [])
    assert isinstance((await asyncio.gather(rising, return_exceptions=True))[0], asyncio.CancelledError)


async def test_a_repeated_reclaim_lets_a_box_that_was_coming_up_end_in_peace() -> None:
    half_made, ending = FakeBox(dies_at_once=False), asyncio.Event()

    async def start() -> AnyBox:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await half_made.gone()
        raise AssertionError("it never comes up")

    boxes = Boxes(start, 8)
    rising = asyncio.create_task(boxes.warm_up())
    await settle()
    boxes.kill_all()
    await ending.wait()
    boxes.kill_all()
    leaving = asyncio.create_task(boxes.all_gone())
    await settle()
    assert not leaving.done(), "what was begun still runs"
    half_made.die()
    async with asyncio.timeout(30):
        await leaving
    await asyncio.gather(rising, return_exceptions=True)


async def test_a_reclaim_in_the_moment_the_first_box_is_up_wins(maker: BoxMaker) -> None:
    boxes = Boxes(maker.start, 8)
    maker.make = lambda: FakeBox(dies_at_once=False)
    rising = asyncio.create_task(boxes.warm_up())
    while not maker.made:  # noqa: ASYNC110 - the moment is one turn of the loop
        await asyncio.sleep(0)
    boxes.kill_all()
    assert maker.made[0].alive, "the kernel has not got round to it yet"
    assert isinstance((await asyncio.gather(rising, return_exceptions=True))[0], BoxGone | asyncio.CancelledError)
    maker.made[0].die()
    async with asyncio.timeout(30):
        await boxes.all_gone()


async def test_a_repeated_reclaim_kills_again_what_is_not_gone_yet(maker: BoxMaker) -> None:
    maker.make = lambda: FakeBox(dies_at_once=False)
    boxes = Boxes(maker.start, 8)
    await boxes.warm_up()
    boxes.kill_all()
    boxes.kill_all()
    assert maker.made[0].killed == 2
    maker.made[0].die()
    await boxes.all_gone()


async def test_a_box_that_cannot_be_killed_spares_no_other_and_is_no_proof(
    maker: BoxMaker, boxes: Boxes, caplog: pytest.LogCaptureFixture
) -> None:
    async with boxes.serving("ann"), boxes.serving("bob"), boxes.serving("cat"):
        stubborn = maker.made[1]
        stubborn.fault = OSError("no")
        boxes.kill_all()
        assert [box.alive for box in maker.made] == [False, True, False]
        assert "could not be killed" in caplog.text
        with pytest.raises(OSError, match="no"):
            await boxes.all_gone()
        stubborn.fault = None
        await boxes.all_gone()
        assert not stubborn.alive


async def test_a_box_ends_though_its_cpu_time_cannot_be_counted(
    maker: BoxMaker, caplog: pytest.LogCaptureFixture
) -> None:
    class Uncountable(FakeBox):
        def cpu_seconds(self) -> float:
            raise OSError("no")

    maker.make = Uncountable
    boxes = Boxes(maker.start, 8)
    boxes.end(await boxes.warm_up())
    assert not maker.made[0].alive
    assert "could not be counted" in caplog.text
    boxes.kill_all()
    await boxes.all_gone()


async def test_a_machine_out_of_descriptors_says_that_no_box_can_be_made(caplog: pytest.LogCaptureFixture) -> None:
    async def start() -> FakeBox:
        raise OSError(errno.EMFILE, "too many open files")

    with pytest.raises(BoxGone, match="too many open files"):
        await Boxes(start, 8).warm_up()
    assert "no box can be made" in caplog.text


# --- held still -------------------------------------------------------------
async def test_a_box_that_comes_up_in_a_freeze_is_frozen_until_the_thaw(maker: BoxMaker, boxes: Boxes) -> None:
    await serve(boxes, "ann")
    maker.hold()
    bob = asyncio.create_task(serve(boxes, "bob"))
    await comes_true(lambda: maker.starting == 1)
    boxes.freeze()
    maker.let_go()
    await bob
    assert [box.frozen for box in maker.made] == [True, True]
    boxes.thaw()
    await serve(boxes, "cat")
    assert [box.frozen for box in maker.made] == [False, False, False]


# --- what it costs ----------------------------------------------------------
async def test_cpu_time_never_falls_whatever_becomes_of_the_boxes(maker: BoxMaker, boxes: Boxes) -> None:
    box = await serve(boxes, "ann")
    await serve(boxes, "bob")
    assert isinstance(box, FakeBox)
    box.cpu, maker.made[1].cpu, box.memory = 5.0, 0.5, 30.0
    assert (boxes.cpu_seconds(), boxes.memory_mib()) == (5.5, 30.0)
    box.die()
    maker.now += SAME_LOOK
    assert (boxes.cpu_seconds(), boxes.memory_mib()) == (5.5, 0.0)
    other = await serve(boxes, "ann")
    assert isinstance(other, FakeBox)
    other.cpu = 2.0
    await settle()
    assert boxes.cpu_seconds() == 7.5
    other.cpu = 2.5
    boxes.end(other)
    await comes_true(lambda: not boxes._ending)
    assert boxes.cpu_seconds() == 8.0


async def test_who_asks_right_after_another_hears_the_same(maker: BoxMaker, boxes: Boxes) -> None:
    await serve(boxes, "ann")
    maker.made[0].memory = 30.0
    assert boxes.memory_mib() == 30.0
    maker.made[0].memory = 40.0
    maker.now += SAME_LOOK / 2
    assert boxes.memory_mib() == 30.0
    await serve(boxes, "bob")
    assert boxes.memory_mib() == 40.0, "there is another box"
    maker.made[0].memory = 50.0
    maker.now += SAME_LOOK
    assert boxes.memory_mib() == 50.0


# --- memory that nobody else bounds -----------------------------------------
async def test_the_greatest_box_ends_when_all_together_hold_too_much(boxes: Boxes, maker: BoxMaker) -> None:
    async with boxes.serving("ann"), boxes.serving("ben"):
        small, great = maker.made
        small.memory, great.memory = 100.0, 300.0
        boxes.shed(400.0)
        assert (small.killed, great.killed) == (0, 0)
        boxes.shed(399.0)
        assert (small.killed, great.killed) == (0, 1)
        boxes.shed(99.0)
        assert small.killed == 1
        boxes.shed(0.0)
