"""The gate tells of every client how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from fakes import procfs
from fakes.gate_place import start_box
from fakes.raw_client import RawClient
from fakes.waiting import comes_true

from farmhand.distcc.protocol import request
from farmhand_agent.boxes.box import Box, BoxGone
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.gate.jobs import End, Job, Refusal
from farmhand_agent.traces import processes

SOURCE = b"int answer(void) { return 42; }\n"
PLAIN = request(["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)
SLOW = request(["gcc", "-wrapper", "/bin/sh,-c,sleep 600", "-c", "a.i", "-o", "a.o"], SOURCE)
OPEN = Admission.of("desk", bytes(32), ("127.0.0.0/8",))


class Notes:
    """A ledger that a test can read."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int | None, End]] = []
        self.refusals: list[Refusal] = []

    def ended(self, job: Job, end: End) -> None:
        self.ends.append((job.file, job.status, end))

    def refused(self, why: Refusal) -> None:
        self.refusals.append(why)


class Place:
    """A gate whose ledger can be read."""

    def __init__(self, patience: Patience) -> None:
        self.notes = Notes()
        self.boxes: list[Box] = []
        self.broken = False
        self.gate = Gate(self._start_box, OPEN, patience, lambda: None, self.notes)

    async def say(self, what: bytes) -> RawClient:
        assert self.gate.address is not None
        client = await RawClient.open(self.gate.address)
        await client.say(what)
        return client

    async def begin(self, what: bytes = SLOW) -> RawClient:
        client = await self.say(what)
        await comes_true(lambda: self.gate.jobs)
        return client

    def sleepers(self) -> bool:
        """Whether the slow job's compiler runs."""
        pids = [pid for box in self.boxes if box.alive for pid in processes.tree(box.init)]
        return any(procfs.name(pid) == "sleep" for pid in pids)

    async def leave(self) -> None:
        self.gate.shut()
        await self.gate.gone()

    async def _start_box(self) -> Box:
        if self.broken:
            raise BoxGone("no more of them")
        self.boxes.append(await start_box())
        return self.boxes[-1]


Open = Callable[..., Awaitable[Place]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_one(slots: int = 2, **patience: float) -> Place:
            place = Place(Patience(**patience))
            stack.push_async_callback(place.leave)
            await place.gate.open("127.0.0.1", 0, slots)
            return place

        yield open_one


async def test_a_served_job(opened: Open) -> None:
    place = await opened()
    client = await place.say(PLAIN)
    await comes_true(lambda: place.notes.ends)
    assert place.notes.ends == [("a.i", 0, End.SERVED)]
    client.socket.close()


async def test_a_client_that_left(opened: Open) -> None:
    place = await opened()
    client = await place.begin()
    client.socket.close()
    await comes_true(lambda: place.notes.ends)
    assert place.notes.ends == [("a.i", None, End.CLIENT_LEFT)]


async def test_a_job_that_ran_too_long(opened: Open) -> None:
    place = await opened(lifetime=0.3)
    client = await place.begin()
    await comes_true(lambda: place.notes.ends)
    assert place.notes.ends == [("a.i", None, End.LIFETIME)]
    client.socket.close()


async def test_a_job_that_the_owner_cut(opened: Open) -> None:
    place = await opened()
    client = await place.begin()
    await place.leave()
    assert place.notes.ends == [("a.i", None, End.RECLAIMED)]
    client.socket.close()


async def test_a_job_whose_sender_was_blocked_is_cut_with_its_compiler(opened: Open) -> None:
    place = await opened()
    client = await place.begin()
    await comes_true(place.sleepers)
    place.gate.revise(place.gate.admission.block(["127.0.0.1"]))
    await comes_true(lambda: not place.sleepers(), "it ends long before it is done")
    assert place.notes.ends == [("a.i", None, End.WITHDRAWN)]
    client.socket.close()


async def test_a_client_that_is_not_admitted(opened: Open) -> None:
    place = await opened()
    place.gate.revise(place.gate.admission.block(["127.0.0.1"]))
    client = await place.say(PLAIN)
    await comes_true(lambda: place.notes.refusals)
    assert place.notes.refusals == [Refusal.DENIED]
    assert place.notes.ends == []
    client.socket.close()


async def test_a_client_for_whom_there_was_no_slot(opened: Open) -> None:
    place = await opened(slots=1, queue=0.05)
    first = await place.begin()
    second = await place.say(PLAIN)
    await comes_true(lambda: place.notes.refusals)
    assert place.notes.refusals == [Refusal.FULL]
    first.socket.close()
    second.socket.close()


async def test_a_client_for_whom_there_was_no_box(opened: Open) -> None:
    place = await opened()
    place.broken = True
    for box in place.boxes:
        box.kill()
        await box.gone()
    client = await place.say(PLAIN)
    await comes_true(lambda: place.notes.refusals)
    assert place.notes.refusals == [Refusal.NO_BOX]
    client.socket.close()


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n\r\n", b"DIST00"])
async def test_a_client_that_does_not_introduce_itself(opened: Open, words: bytes) -> None:
    place = await opened(header=0.2)
    client = await place.say(words)
    await comes_true(lambda: place.notes.refusals)
    assert place.notes.refusals == [Refusal.RUDE]
    client.socket.close()


async def test_names_that_would_upset_a_terminal_are_made_presentable(opened: Open) -> None:
    place = await opened()
    client = await place.say(request(["gcc", "-c", "\x1b[2J\udcff.i", "-o", "a.o"], SOURCE))
    await comes_true(lambda: place.notes.ends)
    assert place.notes.ends[0][0] == "?[2J?.i"
    client.socket.close()
