"""An owner who shares the machine comes back: what runs beyond the share ends at once, with real boxes and for sure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import pytest
from fakes.gate_place import start_box
from fakes.procfs import lives
from fakes.raw_client import RawClient, compile_raw
from fakes.waiting import comes_true
from hypothesis import given
from hypothesis import strategies as st

from farmhand.distcc.protocol import request
from farmhand.wire.ticket import Claims, preface, sign
from farmhand_agent.boxes.box import Box
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.gate.jobs import End, Job, Refusal
from farmhand_agent.gate.trimming import who_stays
from farmhand_agent.traces import processes

KEY = bytes(range(32))
SOURCE = b"int answer(void) { return 42; }\n"
DEAF = request(
    ["gcc", "-wrapper", "/bin/sh,-c,trap : TERM; while :; do sleep 1; done", "-c", "a.i", "-o", "a.o"], SOURCE
)


# --- who stays ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("jobs", "slots", "stay"),
    [
        ("", 2, ""),
        ("a", 2, "a"),
        ("aa", 2, "a"),
        ("aaa", 2, ""),
        ("abc", 2, "ab"),
        ("aaab", 2, "b"),
        ("abbcc", 3, "ab"),
        ("abab", 3, "a"),
        ("abbc", 2, "ac"),
        ("ab", 0, ""),
    ],
)
def test_the_oldest_jobs_stay_whose_boxes_fit_whole(jobs: str, slots: int, stay: str) -> None:
    assert who_stays(jobs, slots) == frozenset(stay)


def test_a_job_whose_box_is_still_coming_up_does_not_stay() -> None:
    assert who_stays([None, "a"], 2) == {"a"}


@given(st.lists(st.sampled_from("abcdef")), st.integers(0, 10))
def test_what_stays_fits_and_nothing_that_fits_beside_it_goes(jobs: Sequence[str], slots: int) -> None:
    stay = who_stays(jobs, slots)
    left = slots - sum(box in stay for box in jobs)
    assert left >= 0
    assert all(jobs.count(box) > left for box in set(jobs) - stay)


# --- at the gate --------------------------------------------------------------
class Place:
    """A gate for ticket holders, with eight slots.

    Attributes:
        ends: how jobs ended, in order.
        boxes: that were made.
    """

    def __init__(self) -> None:
        self.ends: list[tuple[str, End]] = []
        self.boxes: list[Box] = []
        admission = Admission.of("desk", KEY, ()).hear(900.0, (), time.monotonic())
        self.gate = Gate(self._start_box, admission, Patience(queue=0.2), lambda: None, self)

    def ended(self, job: Job, end: End) -> None:
        self.ends.append((job.client.user, end))

    def refused(self, why: Refusal) -> None:
        pass

    async def begin(self, user: str) -> RawClient:
        """Begin a job that will not end by itself, nor when it is asked to."""
        jobs = len(self.gate.jobs)
        client = await RawClient.open(self.address)
        await client.say(preface(ticket(user)) + DEAF)
        assert await client.verdict() == "OKAY"
        await comes_true(lambda: len(self.gate.jobs) > jobs)
        return client

    @property
    def address(self) -> tuple[str, int]:
        assert self.gate.address is not None
        return self.gate.address

    def inside(self) -> set[int]:
        """All processes in its boxes."""
        return {pid for box in self.boxes if box.alive for pid in processes.tree(box.init)}

    async def _start_box(self) -> Box:
        self.boxes.append(await start_box())
        return self.boxes[-1]


def ticket(user: str) -> str:
    return sign(Claims("desk", f"g-{user}", user, "redis", "laptop", 8, 1000.0), KEY)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    made = Place()
    await made.gate.open("127.0.0.1", 0, 8)
    yield made
    made.gate.shut()
    async with asyncio.timeout(30):
        await made.gate.gone()


async def test_the_youngest_jobs_end_and_no_process_of_theirs_is_left(place: Place) -> None:
    ann, bob, bob_too, cat = [await place.begin(user) for user in ("ann", "bob", "bob", "cat")]
    await comes_true(lambda: len(place.boxes) == 3)
    before = {box: list(processes.tree(box.init)) for box in place.boxes}
    assert place.gate.trim(2) == 2
    async with asyncio.timeout(30):
        await place.gate.trimmed()
    assert await bob.is_cut()
    assert await bob_too.is_cut()
    await comes_true(lambda: len(place.gate.jobs) == 2)
    assert [job.client.user for job in place.gate.jobs] == ["ann", "cat"]
    assert place.ends == [("bob", End.RECLAIMED)] * 2
    assert not any(map(lives, before[place.boxes[1]]))
    assert place.gate.slots == 2
    for one in (ann, bob, bob_too, cat):
        one.socket.close()


async def test_with_more_jobs_of_one_client_than_may_stay_its_box_ends_and_the_slots_are_free(place: Place) -> None:
    clients = [await place.begin("ann") for _ in range(3)]
    assert place.gate.trim(2) == 3
    await place.gate.trimmed()
    assert not place.inside()
    answer = await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE, ticket("ann"))
    assert answer.status == 0
    for one in clients:
        one.socket.close()


async def test_a_box_without_jobs_ends_too_for_who_knows_what_they_left(place: Place) -> None:
    await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE, ticket("bob"))
    await comes_true(lambda: not place.gate.jobs)
    with await place.begin("ann"):
        assert place.gate.trim(2) == 0
        await place.gate.trimmed()
        assert [box.alive for box in place.boxes] == [False, True]
        assert [job.client.user for job in place.gate.jobs] == ["ann"]


async def test_frozen_jobs_are_trimmed_as_they_stand(place: Place) -> None:
    ann, bob = await place.begin("ann"), await place.begin("bob")
    place.gate.freeze()
    assert place.gate.trim(1) == 1
    async with asyncio.timeout(30):
        await place.gate.trimmed()
    place.gate.thaw()
    assert await bob.is_cut()
    assert [job.client.user for job in place.gate.jobs] == ["ann"]
    ann.socket.close()
    bob.socket.close()


async def test_a_gate_that_is_shut_has_nothing_to_trim() -> None:
    gate = Place().gate
    assert gate.trim(2) == 0
    await gate.trimmed()


async def test_a_slot_given_in_the_moment_it_is_taken_back_is_not_taken_up(place: Place) -> None:
    """The turn has come, but the job has not begun: it would be one too many."""
    place.gate.resize(1)
    first = await place.begin("ann")
    with await RawClient.open(place.address) as second:
        await second.say(preface(ticket("bob")) + DEAF)
        await comes_true(lambda: place.gate._turnstile._waiting)
        place.gate.resize(2)
        assert place.gate._turnstile.taken == 2
        place.gate.trim(1)
        assert (await second.verdict()).startswith("BUSY")
    assert [job.client.user for job in place.gate.jobs] == ["ann"]
    first.socket.close()
