"""The gate with real boxes, real distcc and real compilers."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from pathlib import Path

import pytest
from fakes.gate_place import (
    BUSY,
    KEY,
    PLAIN,
    QUICK,
    SLOW,
    SOURCE,
    Open,
    Place,
    begin,
    command_line,
    distcc,
    farm_admission,
    ticket,
)
from fakes.raw_client import Answer, Cut, RawClient, TurnedAway, compile_raw
from fakes.waiting import comes_true

from farmhand.distcc.protocol import request
from farmhand.errors import OwnerError
from farmhand.wire.ticket import preface
from farmhand_agent.boxes.box import BoxGone
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Patience
from farmhand_agent.traces import processes


# --- honest clients ------------------------------------------------------------
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
        await comes_true(lambda: place.gate.cpu_seconds() >= 0.03, within=60.0)
    await comes_true(lambda: not place.running("-wrapper"))
    assert place.gate.cpu_seconds() >= 0.03


async def test_a_large_object_reaches_a_slow_reader_whole(place: Place) -> None:
    """The gate is done with a job long before a slow network has carried the object away."""
    megabytes = b'asm(".fill 0x80000, 1, 42");\n'
    with await RawClient.open(place.address, receive_buffer=4096) as client:
        await client.say(request(["gcc", "-c", "a.i", "-o", "a.o"], megabytes))
        await comes_true(lambda: place.changes >= 1)
        answer = asyncio.create_task(client.reply())
        reply = await answer
    assert (reply.status, len(reply.product) > 0x80000) == (0, True)


async def test_a_reply_still_under_way_when_the_job_is_over_is_not_torn(place: Place) -> None:
    some = b'asm(".fill 0x20000, 1, 42");\n'
    with await RawClient.open(place.address, receive_buffer=2048) as client:
        await client.say(request(["gcc", "-c", "a.i", "-o", "a.o"], some))
        await comes_true(lambda: place.changes == 2 and not place.gate._entrance)
        assert len((await client.reply()).product) > 0x20000


# --- tickets -------------------------------------------------------------------
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


# --- a change of mind ----------------------------------------------------------
async def test_a_running_job_ends_with_its_admission_at_once(place: Place) -> None:
    with await begin(place) as client:
        place.gate.revise(Admission.of("desk", KEY, ()))
        assert await client.is_cut(), "long before it is done"
    await comes_true(lambda: not place.running("-wrapper"))


async def test_a_blocked_users_job_ends_and_the_others_run_on(opened: Open) -> None:
    place = await opened(slots=4, admission=farm_admission())
    with await begin(place, ticket=ticket("ann")) as ann, await begin(place, ticket=ticket("bob")):
        assert await ann.verdict() == "OKAY"
        place.gate.revise(place.gate.admission.block(["ann"]))
        assert await ann.is_cut(), "long before it is done"
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


# --- slots ---------------------------------------------------------------------
async def test_a_full_gate_lets_wait_and_then_turns_away(opened: Open) -> None:
    place = await opened(slots=1, patience=Patience(queue=0.3), admission=farm_admission())
    with await begin(place, ticket=ticket()):
        began = time.monotonic()
        with pytest.raises(TurnedAway, match="BUSY all 1 slots are taken"):
            await compile_raw(place.address, ["gcc", "-c", "a.i", "-o", "a.o"], SOURCE, ticket("bob"))
        assert time.monotonic() - began >= 0.3


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


async def test_who_has_a_slot_is_waited_for_before_it_has_said_what_it_is(opened: Open) -> None:
    place = await opened(slots=1)
    assert not place.gate.occupied
    with await RawClient.open(place.address) as client:
        await client.say(request(["gcc", "-c", "a.i"], SOURCE)[:20])
        await comes_true(lambda: place.gate.occupied)
        assert place.gate.jobs == []
        place.gate.resize(0)
        assert place.gate.occupied
        before = place.changes
        client.reset()
        await comes_true(lambda: place.changes > before)
        assert not place.gate.occupied


# --- what the owner can mend ---------------------------------------------------
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
