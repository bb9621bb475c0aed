"""The gate with real boxes, real distcc and real compilers."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from fakes.box import BoxMaker, FakeBox
from fakes.raw_client import Answer, Cut, RawClient, TurnedAway, compile_raw
from fakes.waiting import comes_true

from farmhand.distcc.protocol import request, token
from farmhand.errors import OwnerError
from farmhand.wire.ticket import Claims, preface, sign
from farmhand_agent import gate as gate_module
from farmhand_agent import processes
from farmhand_agent.admission import Admission
from farmhand_agent.box import BATCH, Box, BoxGone, BoxPlan
from farmhand_agent.gate import Gate, Patience

KEY = bytes(range(32))
LOOPBACK = ("127.0.0.0/8", "::1/128")
SOURCE = b"int answer(void) { return 42; }\n"
PLAIN = request(["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)
SLOW = request(["gcc", "-wrapper", "/bin/sh,-c,sleep 60", "-c", "a.i", "-o", "a.o"], SOURCE)
BUSY = request(["gcc", "-wrapper", "/bin/sh,-c,while :; do :; done", "-c", "a.i", "-o", "a.o"], SOURCE)
DEAF = request(
    ["gcc", "-wrapper", "/bin/sh,-c,trap : TERM; while :; do sleep 1; done", "-c", "a.i", "-o", "a.o"], SOURCE
)
QUICK = Patience(header=5.0, stall=10.0, queue=2.0, lifetime=60.0)


class Place:
    """A gate on a port of its own, and what it told."""

    def __init__(self, admission: Admission, patience: Patience) -> None:
        self.boxes: list[Box] = []
        self.changes = 0
        self.gate = Gate(self._start_box, admission, patience, self._changed)

    @property
    def address(self) -> tuple[str, int]:
        assert self.gate.address is not None
        return self.gate.address

    def inside(self) -> set[int]:
        """All processes in its boxes."""
        return {pid for box in self.boxes if box.alive for pid in processes.tree(box.init)}

    def running(self, *words: str) -> set[int]:
        """Processes in its boxes whose command line holds one of these words."""
        return {pid for pid in self.inside() if any(word in command_line(pid) for word in words)}

    async def reclaim(self) -> None:
        self.gate.shut()
        async with asyncio.timeout(10):
            await self.gate.gone()

    async def _start_box(self) -> Box:
        self.boxes.append(await Box.start(BoxPlan(slots=8, scratch_mib=256)))
        return self.boxes[-1]

    def _changed(self) -> None:
        self.changes += 1


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


Open = Callable[..., Awaitable[Place]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens gates and sees them gone."""
    async with AsyncExitStack() as stack:

        async def open_one(
            slots: int = 2,
            patience: Patience = QUICK,
            admission: Admission | None = None,
            host: str = "127.0.0.1",
        ) -> Place:
            place = Place(admission or Admission.of("desk", KEY, LOOPBACK), patience)
            stack.push_async_callback(place.reclaim)
            await place.gate.open(host, 0, slots)
            return place

        yield open_one


@pytest.fixture
async def place(opened: Open) -> Place:
    """A gate with two slots."""
    return await opened()


def ticket(user: str = "ann", host: str = "desk", slots: int = 2, ends: float = 1000.0, key: bytes = KEY) -> str:
    claims = Claims(host=host, grant="g1", user=user, project="redis", origin="laptop", slots=slots, ends=ends)
    return sign(claims, key)


def farm_admission() -> Admission:
    """Knows the registry's clock and lets nobody in without a ticket."""
    return Admission.of("desk", KEY, ()).hear(900.0, (), time.monotonic())


async def begin(place: Place, what: bytes = SLOW, ticket: str = "") -> RawClient:
    """Send a request and wait until its job runs."""
    jobs = len(place.gate.jobs)
    client = await RawClient.open(place.address)
    await client.say((preface(ticket) if ticket else b"") + what)
    await comes_true(lambda: len(place.gate.jobs) > jobs)
    return client


async def distcc(place: Place, folder: Path, *command: str, options: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run stock distcc against the gate, with no way out: what the gate does not do fails."""
    host, port = place.address
    spec = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    state = folder / ".distcc"
    state.mkdir(exist_ok=True)
    environ = {
        "PATH": "/usr/bin:/bin",
        "DISTCC_HOSTS": spec + options,
        "DISTCC_FALLBACK": "0",
        "DISTCC_DIR": str(state),
        "TMPDIR": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


# --- honest clients ---------------------------------------------------------
@pytest.mark.parametrize("compiler", ["gcc", "clang", "g++"])
@pytest.mark.parametrize("options", ["", ",lzo"])
async def test_stock_distcc_makes_the_same_object_as_a_local_compile(
    place: Place, tmp_path: Path, compiler: str, options: str
) -> None:
    (tmp_path / "a.c").write_bytes(b"#include <stddef.h>\nsize_t answer(void) { return sizeof(long); }\n")
    command = [compiler, "-O2", "-c", "a.c", "-o"]
    done = await distcc(place, tmp_path, "distcc", *command, "there.o", options=options)
    assert done.returncode == 0, done.stderr
    await asyncio.to_thread(subprocess.run, [*command, "here.o"], cwd=tmp_path, check=True)
    assert (tmp_path / "there.o").read_bytes() == (tmp_path / "here.o").read_bytes()
    assert place.changes == 2, "one job began and ended"


async def test_pump_mode_ships_headers_and_all(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("#define ANSWER 42\n")
    (tmp_path / "a.c").write_text('#include "a.h"\n#include <stddef.h>\nint answer(void) { return ANSWER; }\n')
    done = await distcc(
        place, tmp_path, "distcc-pump", "distcc", "gcc", "-O2", "-c", "a.c", "-o", "a.o", options=",cpp,lzo"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.o").stat().st_size > 500
    assert place.changes == 2, "the gate compiled it, not this machine"


async def test_an_error_in_the_source_comes_back(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int x = ;\n")
    done = await distcc(place, tmp_path, "distcc", "gcc", "-c", "a.c", "-o", "a.o")
    assert done.returncode == 1
    assert b"expected expression" in done.stderr


async def test_ipv6_is_served_too(opened: Open) -> None:
    place = await opened(host="::1")
    assert (await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)).status == 0


async def test_an_ipv4_client_of_an_ipv6_gate_is_judged_by_its_ipv4_address(opened: Open) -> None:
    place = await opened(host="::", admission=Admission.of("desk", KEY, ("127.0.0.1/32",)))
    port = place.address[1]
    assert (await compile_raw(("127.0.0.1", port), ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)).status == 0
    with pytest.raises(Cut):
        await compile_raw(("::1", port), ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)


async def test_the_owner_sees_what_runs(place: Place) -> None:
    with await begin(place):
        (job,) = place.gate.jobs
        assert (job.client.identity, job.compiler, job.file) == ("127.0.0.1", "gcc", "a.i")
        assert abs(job.started_at - time.time()) < 5
        assert place.gate.memory_mib() > 0
    await comes_true(lambda: not place.gate.jobs)


async def test_what_the_farm_costs_is_still_known_when_its_job_is_over(place: Place) -> None:
    with await begin(place, BUSY):
        await comes_true(lambda: place.gate.cpu_seconds() >= 0.03, within=30.0)
    await comes_true(lambda: not place.running("-wrapper"))
    assert place.gate.cpu_seconds() >= 0.03


async def test_a_large_object_reaches_a_slow_reader_whole(place: Place) -> None:
    """The gate is done with a job long before a slow network has carried the object away."""
    megabytes = b'asm(".rept 0x80000\\n.byte 42\\n.endr");\n'
    with await RawClient.open(place.address, receive_buffer=4096) as client:
        await client.say(request(["gcc", "-c", "a.i", "-o", "a.o"], megabytes))
        await comes_true(lambda: place.changes == 1)
        answer = asyncio.create_task(client.reply())
        reply = await answer
    assert (reply.status, len(reply.product) > 0x80000) == (0, True)


async def test_a_reply_still_under_way_when_the_job_is_over_is_not_torn(place: Place) -> None:
    some = b'asm(".rept 0x20000\\n.byte 42\\n.endr");\n'
    with await RawClient.open(place.address, receive_buffer=2048) as client:
        await client.say(request(["gcc", "-c", "a.i", "-o", "a.o"], some))
        await comes_true(lambda: place.changes == 2 and not place.gate._visits)
        assert len((await client.reply()).product) > 0x20000


# --- tickets ----------------------------------------------------------------
async def test_a_ticket_is_answered_before_the_reply(opened: Open) -> None:
    place = await opened(admission=farm_admission())
    answer = await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE, ticket())
    assert isinstance(answer, Answer)
    assert (answer.status, answer.product[:4]) == (0, b"\x7fELF")


async def test_the_owner_sees_a_person_and_a_project(opened: Open) -> None:
    place = await opened(admission=farm_admission())
    with await begin(place, ticket=ticket()):
        client = place.gate.jobs[0].client
        assert (client.user, client.host, client.project) == ("ann", "laptop", "redis")


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (ticket(key=bytes(32)), "DENY the ticket is not signed for this gate"),
        (ticket(host="tower"), "DENY the ticket is for tower, this is desk"),
        (ticket(ends=1.0), "DENY the ticket has ended"),
        ("rubbish", "DENY the ticket is not signed for this gate"),
    ],
)
async def test_a_bad_ticket_is_told_why(opened: Open, shown: str, told: str) -> None:
    place = await opened(admission=farm_admission())
    with pytest.raises(TurnedAway, match=told):
        await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE, shown)


async def test_a_refusal_reaches_a_client_in_the_middle_of_its_upload(opened: Open) -> None:
    place = await opened(admission=farm_admission())
    with await RawClient.open(place.address) as client:
        await client.say(preface(ticket(ends=1.0)) + request(["gcc", "-c", "a.i"], bytes(2 << 20)))
        assert await client.verdict() == "DENY the ticket has ended"


async def test_plain_distcc_without_a_grant_is_cut(opened: Open) -> None:
    place = await opened(admission=farm_admission())
    with pytest.raises(Cut):
        await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)


async def test_two_users_never_share_a_box(opened: Open) -> None:
    place = await opened(slots=4, admission=farm_admission())
    with await begin(place, ticket=ticket("ann")), await begin(place, ticket=ticket("bob")):

        def homes() -> int:
            return sum(any("-wrapper" in command_line(pid) for pid in processes.tree(box.init)) for box in place.boxes)

        await comes_true(lambda: homes() == 2)


# --- a change of mind -------------------------------------------------------
async def test_a_running_job_ends_with_its_admission_at_once(place: Place) -> None:
    with await begin(place) as client:
        began = time.monotonic()
        place.gate.revise(Admission.of("desk", KEY, ()))
        assert await client.is_cut()
        assert time.monotonic() - began < 0.05
    await comes_true(lambda: not place.running("-wrapper"))


async def test_a_blocked_users_job_ends_and_the_others_run_on(opened: Open) -> None:
    place = await opened(slots=4, admission=farm_admission())
    with await begin(place, ticket=ticket("ann")) as ann, await begin(place, ticket=ticket("bob")):
        assert await ann.verdict() == "OKAY"
        began = time.monotonic()
        place.gate.revise(place.gate.admission.block(["ann"]))
        assert await ann.is_cut()
        assert time.monotonic() - began < 0.05
        assert [job.client.user for job in place.gate.jobs] == ["bob"]
    with pytest.raises(TurnedAway, match="blocked ann"):
        await compile_raw(place.address, ["gcc", "-c", "a.i"], SOURCE, ticket("ann"))


async def test_a_job_that_waits_for_a_slot_ends_with_its_admission_too(opened: Open) -> None:
    place = await opened(slots=1)
    with await begin(place), await RawClient.open(place.address) as waiting:
        await waiting.say(PLAIN)
        await comes_true(lambda: place.gate._turnstile._waiting)
        place.gate.revise(Admission.of("desk", KEY, ()))
        assert await waiting.is_cut()
        assert not place.gate.jobs


# --- slots ------------------------------------------------------------------
async def test_a_full_gate_lets_wait_and_then_turns_away(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(queue=0.3), admission=farm_admission())
    with await begin(place, ticket=ticket()):
        began = time.monotonic()
        with pytest.raises(TurnedAway, match="BUSY all 1 slots are taken"):
            await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE, ticket("bob"))
        assert 0.3 <= time.monotonic() - began < 2


async def test_plain_distcc_is_cut_when_full(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(queue=0.1))
    with await begin(place), pytest.raises(Cut):
        await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)


async def test_who_waits_gets_the_slot_that_comes_free(opened: Open) -> None:
    place = await opened(slots=1)
    running = await begin(place)
    waiting = asyncio.create_task(compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE))
    await comes_true(lambda: place.gate._turnstile._waiting)
    running.reset()
    assert (await waiting).status == 0


async def test_slots_may_come_and_go_while_jobs_run(opened: Open) -> None:
    place = await opened(slots=2)
    with await begin(place), await begin(place) as second:
        place.gate.resize(1)
        assert len(place.gate.jobs) == 2, "running jobs are left alone"
        second.reset()
        await comes_true(lambda: len(place.gate.jobs) == 1)
        with await RawClient.open(place.address) as third:
            await third.say(SLOW)
            await comes_true(lambda: place.gate._turnstile._waiting)
            place.gate.resize(3)
            await comes_true(lambda: len(place.gate.jobs) == 2)


async def test_without_slots_nobody_comes_in_and_running_jobs_end_in_peace(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(queue=0.05))
    with await begin(place, request(["gcc", "-wrapper", "/bin/sh,-c,sleep 0.3", "-c", "a.i"], SOURCE)) as last:
        place.gate.resize(0)
        with pytest.raises(Cut):
            await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)
        assert (await last.reply()).status != 9


# --- clients that break their word ------------------------------------------
async def honest(place: Place) -> None:
    assert (await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)).status == 0


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


async def test_half_a_header_has_a_deadline_and_takes_no_slot(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(header=0.5))
    with await RawClient.open(place.address) as half:
        began = time.monotonic()
        await half.say(PLAIN[:20])
        await honest(place)
        assert await half.is_cut()
        assert time.monotonic() - began < 3


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
    place = await opened(slots=1, patience=Patience(header=60))
    async with AsyncExitStack() as stack:
        idle = [stack.enter_context(await RawClient.open(place.address)) for _ in range(600)]
        for one in idle:
            await one.say(b"D")
        await comes_true(lambda: len(place.gate._strangers) == gate_module.MAX_STRANGERS, within=40.0)
        assert await idle[0].is_cut(), "the oldest made room"
        assert not place.gate.jobs
        await honest(place)
    await comes_true(lambda: not place.gate._visits)


async def test_ten_thousand_who_come_and_go_leave_nothing_and_hold_up_nothing(place: Place) -> None:
    await honest(place)
    before = descriptors()
    loop = asyncio.get_running_loop()
    worst, last = 0.0, loop.time()

    async def watch() -> None:
        nonlocal worst, last
        while True:
            last = loop.time()
            await asyncio.sleep(0.001)
            worst = max(worst, loop.time() - last)

    watching = asyncio.create_task(watch())
    knocker = await asyncio.create_subprocess_exec(
        "/usr/bin/python3", "-c", KNOCK, *(str(part) for part in place.address), "10000"
    )
    async with asyncio.timeout(60):
        assert await knocker.wait() == 0
    watching.cancel()
    await comes_true(lambda: not place.gate._visits)
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


# --- compilers that will not end --------------------------------------------
@pytest.mark.parametrize("what", [SLOW, DEAF], ids=["asleep", "deaf to SIGTERM"])
@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_leaves_takes_its_compiler_along(place: Place, what: bytes, politely: bool) -> None:
    client = await begin(place, what)
    await comes_true(lambda: place.running("sleep"))
    began = time.monotonic()
    if politely:
        client.socket.close()
    else:
        client.reset()
    await comes_true(lambda: not place.running("sleep", "trap"))
    assert time.monotonic() - began < 1.0
    await honest(place)


@pytest.mark.parametrize("what", [SLOW, DEAF], ids=["asleep", "deaf to SIGTERM"])
async def test_a_job_that_runs_too_long_ends(opened: Open, what: bytes) -> None:
    place = await opened(patience=Patience(lifetime=0.5))
    with await begin(place, what) as client:
        assert await client.is_cut()
        await comes_true(lambda: not place.running("sleep", "trap"), within=1.0)


async def test_a_box_killed_by_its_own_tenant_is_replaced(place: Place) -> None:
    suicide = request(["gcc", "-wrapper", "/bin/sh,-c,kill -9 -1", "-c", "a.i", "-o", "a.o"], SOURCE)
    with await RawClient.open(place.address) as client:
        await client.say(suicide)
        with pytest.raises(Cut):
            await client.reply()
    await honest(place)


# --- reclaim ----------------------------------------------------------------
async def test_a_reclaim_leaves_nothing_and_tells_everybody() -> None:
    before = descriptors()
    place = Place(Admission.of("desk", KEY, LOOPBACK), QUICK)
    took: list[float] = []
    for _ in range(5):
        await place.gate.open("127.0.0.1", 0, 4)
        address = place.address
        clients = [await begin(place, DEAF) for _ in range(4)]
        await comes_true(lambda: len(place.running("trap")) >= 4)
        inside = place.inside()
        assert len(inside) > 12
        began = time.monotonic()
        await place.reclaim()
        took.append(time.monotonic() - began)
        assert not [pid for pid in inside if Path(f"/proc/{pid}").exists()]
        assert (place.gate.jobs, place.gate.address) == ([], None)
        for client in clients:
            assert await client.is_cut()
            client.socket.close()
        with pytest.raises(ConnectionRefusedError):
            await RawClient.open(address)
    assert descriptors() == before
    assert min(took) < 0.2, took
    assert max(took) < 2.0, took


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
        await half.say(PLAIN[:20])
        await comes_true(lambda: place.gate._turnstile._waiting and place.gate._strangers)
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


# --- boxes that do not answer -----------------------------------------------
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
    async with asyncio.timeout(10):
        await gate.gone()


async def test_a_gate_may_be_opened_again(place: Place) -> None:
    await place.reclaim()
    await place.gate.open("127.0.0.1", 0, 1)
    await honest(place)


# --- what the owner can mend ------------------------------------------------
async def test_a_port_in_use_is_told(opened: Open) -> None:
    place = await opened()
    host, port = place.address
    other = Place(Admission.of("desk", KEY, ()), QUICK)
    with pytest.raises(OwnerError, match=f"another program uses 127.0.0.1:{port}; set `gate` to a free port"):
        await other.gate.open(host, port, 1)
    await other.reclaim()
    assert not other.inside()


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no-such-host.invalid"])
async def test_an_address_of_another_machine_is_told(host: str) -> None:
    place = Place(Admission.of("desk", KEY, ()), QUICK)
    with pytest.raises(OwnerError, match="set `gate` to an address of this machine"):
        await place.gate.open(host, 0, 1)
    await place.reclaim()


async def test_a_machine_that_can_make_no_box_never_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = Place(Admission.of("desk", KEY, ()), QUICK)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoxGone):
        await place.gate.open("127.0.0.1", port, 1)
    assert place.gate.address is None
    with pytest.raises(ConnectionRefusedError):
        await RawClient.open(("127.0.0.1", port))
    await place.reclaim()
