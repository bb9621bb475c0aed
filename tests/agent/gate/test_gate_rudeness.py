"""Clients that break their word, come in crowds or do not end: the gate serves the next one all the same."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress

import pytest
from fakes.box import BoxMaker
from fakes.gate_place import (
    DEAF,
    KEY,
    PLAIN,
    SLOW,
    SOURCE,
    Open,
    Place,
    begin,
    farm_admission,
    honest,
    ticket,
)
from fakes.procfs import descriptors
from fakes.raw_client import Cut, RawClient, TurnedAway, compile_raw
from fakes.waiting import comes_true

from farmhand.distcc.protocol import request, token
from farmhand.wire.ticket import preface
from farmhand_agent.boxes.box import BATCH
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.entrance import MAX_STRANGERS
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.gate.turnstile import MAX_WAITING


# --- clients that break their word ---------------------------------------------
@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\nHost: farm\r\n\r\n",
        os.urandom(4096),
        b"DIST00000001ARGC7fffffff",
        b"DIST00000001ARGCffffffff",
        b"DIST00000001ARGC00000001ARGVffffffff",
        b"*TLENffffffff",
        b"FARMffffffff",
        token("DIST", 1) + token("ARGC", 1) + token("ARGV", 3) + b"gcc" + b"DOTIffffffff",
        PLAIN + PLAIN,
    ],
)
async def test_rubbish_is_cut_and_the_next_is_served(place: Place, rubbish: bytes) -> None:
    with await RawClient.open(place.address) as client:
        with suppress(ConnectionError):
            await client.say(rubbish)
        with pytest.raises(Cut):
            await client.reply()
    await honest(place)


async def test_half_a_ticket_has_a_deadline_and_takes_no_slot(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(ticket=0.5))
    with await RawClient.open(place.address) as half:
        await half.say(PLAIN[:11])
        await honest(place)
        assert await half.is_cut()


async def test_half_a_command_line_has_a_deadline_and_gives_its_slot_back(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(header=0.5))
    with await RawClient.open(place.address) as half:
        await half.say(PLAIN[:20])
        await comes_true(lambda: place.gate._turnstile.taken)
        await honest(place)
        assert await half.is_cut()


async def test_an_upload_that_stalls_gives_its_slot_back(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(stall=0.2))
    with await begin(place, PLAIN[:-5]) as stalled:
        assert await stalled.is_cut()
        await honest(place)


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Lets this process open as many files as the machine allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
async def test_many_who_say_nothing_or_little_keep_nobody_out(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(ticket=60))
    async with AsyncExitStack() as stack:
        idle = [stack.enter_context(await RawClient.open(place.address)) for _ in range(600)]
        for one in idle:
            await one.say(b"D")
        await comes_true(lambda: place.gate._entrance.strangers == MAX_STRANGERS, within=40.0)
        assert await idle[0].is_cut(), "the oldest made room"
        assert not place.gate.jobs
        await honest(place)
    await comes_true(lambda: not place.gate._entrance)


@pytest.mark.usefixtures("many_descriptors")
async def test_a_ticket_makes_no_more_room_than_there_is_for_who_waits(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(queue=60), admission=farm_admission())
    async with AsyncExitStack() as stack:
        running = stack.enter_context(await begin(place, ticket=ticket()))
        honest_one = stack.enter_context(await RawClient.open(place.address))
        await honest_one.say(preface(ticket("bob")) + PLAIN)
        for _ in range(MAX_WAITING + MAX_STRANGERS + 300):
            greedy = stack.enter_context(await RawClient.open(place.address))
            await greedy.say(preface(ticket("mallory")))
            assert len(place.gate._entrance) < MAX_WAITING + MAX_STRANGERS + 100, "who is turned away counts, too"
        running.reset()
        assert await honest_one.verdict() == "OKAY"


async def test_a_machine_without_a_registry_reads_nothing_from_who_is_not_allowed(opened: Open) -> None:
    place = await opened(patience=Patience(ticket=60), admission=Admission.of("desk", KEY, ()))
    with await RawClient.open(place.address) as stranger:
        await stranger.say(b"D")
        assert await stranger.is_cut()


async def test_who_shows_no_ticket_is_judged_before_it_names_a_command(opened: Open) -> None:
    place = await opened(patience=Patience(ticket=60, header=60), admission=farm_admission())
    with await RawClient.open(place.address) as stranger:
        await stranger.say(PLAIN[:12])
        assert await stranger.is_cut()


async def test_a_bad_ticket_is_judged_before_a_command_follows(opened: Open) -> None:
    place = await opened(patience=Patience(ticket=60, header=60), admission=farm_admission())
    with await RawClient.open(place.address) as stranger:
        await stranger.say(preface(ticket(ends=1.0)))
        assert await stranger.verdict() == "DENY the ticket has ended"
        assert place.gate._entrance.strangers == 1, "it counts as one until it is gone"


async def test_who_waits_for_a_slot_need_not_have_named_a_command(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(queue=0.1), admission=farm_admission())
    with await begin(place, ticket=ticket()), await RawClient.open(place.address) as waiting:
        await waiting.say(preface(ticket("bob")))
        assert await waiting.verdict() == "BUSY all 1 slots are taken"


async def test_thousands_who_come_and_go_leave_nothing_and_hold_up_nothing(place: Place) -> None:
    await honest(place)
    before = descriptors()
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            last = time.thread_time()  # what the loop spends without a look at anybody else, however busy the machine
            await asyncio.sleep(0.001)
            worst = max(worst, time.thread_time() - last)

    watching = asyncio.create_task(watch())
    knocker = await asyncio.create_subprocess_exec(
        "/usr/bin/python3", "-c", KNOCK, *(str(part) for part in place.address), "3000"
    )
    async with asyncio.timeout(100):
        assert await knocker.wait() == 0
    watching.cancel()
    await comes_true(lambda: not place.gate._entrance)
    assert descriptors() <= before + BATCH, "no more than boxes keep in store"
    await honest(place)
    assert worst < 0.5


KNOCK = """
import socket, sys
for number in range(int(sys.argv[3])):
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as one:
        if number % 3 == 0:
            one.send(b"x" * 20)
"""


# --- compilers that will not end -----------------------------------------------
@pytest.mark.parametrize("what", [SLOW, DEAF], ids=["asleep", "deaf to SIGTERM"])
@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_takes_its_compiler_along(place: Place, what: bytes, politely: bool) -> None:
    client = await begin(place, what)
    await comes_true(lambda: place.running("sleep"))
    if politely:
        client.socket.close()
    else:
        client.reset()
    await comes_true(lambda: not place.running("sleep", "trap"), "it ends long before it is done")
    await honest(place)


@pytest.mark.parametrize("what", [SLOW, DEAF], ids=["asleep", "deaf to SIGTERM"])
async def test_a_job_that_runs_too_long_ends(opened: Open, what: bytes) -> None:
    place = await opened(patience=Patience(lifetime=0.5))
    with await begin(place, what) as client:
        assert await client.is_cut()
        await comes_true(lambda: not place.running("sleep", "trap"))


async def test_a_box_killed_by_its_own_tenant_is_replaced(place: Place) -> None:
    suicide = request(["gcc", "-wrapper", "/bin/sh,-c,kill -9 -1", "-c", "a.i", "-o", "a.o"], SOURCE)
    with await RawClient.open(place.address) as client:
        await client.say(suicide)
        with pytest.raises(Cut):
            await client.reply()
    await honest(place)


# --- boxes that do not answer --------------------------------------------------
@pytest.mark.parametrize("deaf", [True, False], ids=["a deaf box", "no descriptors left"])
async def test_a_client_is_told_that_its_box_cannot_be_reached(deaf: bool, caplog: pytest.LogCaptureFixture) -> None:
    maker = BoxMaker()
    gate = Gate(maker.start, farm_admission(), Patience(connect=0.1), lambda: None)
    await gate.open("127.0.0.1", 0, 2)
    assert gate.address is not None
    box = maker.made[0]
    box.deaf = deaf
    box.fault = None if deaf else OSError(errno.EMFILE, "too many open files")
    told = "BUSY the box did not answer" if deaf else "BUSY the gate cannot connect"
    with pytest.raises(TurnedAway, match=told):
        await compile_raw(gate.address, ["gcc", "-c", "a.i"], SOURCE, ticket())
    await comes_true(lambda: box.alive is not deaf)
    assert ("is given up" if deaf else "cannot connect") in caplog.text
    box.fault = None
    gate.shut()
    async with asyncio.timeout(30):
        await gate.gone()
