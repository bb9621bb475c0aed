"""Stock distcc and real compilers through the connector: whatever a host does, the build sees only its objects."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import procfs
from fakes.dispatch_talk import Hurried
from fakes.driver_bench import BASE, MakeBench
from fakes.fake_gate import FakeGate, Manner
from fakes.waiting import comes_true

from farmhand.distcc.protocol import reply, request, token
from farmhand.driver.gate_client import Patience
from farmhand.driver.needs import Needs

SHORT = Patience(connect=0.5, admit=0.3, job=1.5)
FAILURES = [manner for manner in Manner if manner not in (Manner.RELAY, Manner.REFUSE, Manner.DECORATE)]


async def test_a_compile_runs_on_this_machine(bench: MakeBench) -> None:
    async with bench() as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert one.dispatcher.tally.here == 1
        assert one.trouble == []


async def test_a_compile_runs_on_a_host_and_shows_its_ticket(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(ticket="abc")) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert one.dispatcher.tally.hosts == {"fake": 1}
        assert gate.tickets == ["abc"]
        assert one.trouble == []


@pytest.mark.parametrize("options", [["-g"], ["-DX=1", "-MMD"], ["-Wall", "-fPIC"]], ids=" ".join)
@pytest.mark.parametrize("where", ["here", "there"])
async def test_options_survive_the_way(bench: MakeBench, distccd: int, where: str, options: list[str]) -> None:
    async with FakeGate(distccd).open() as gate, bench(*([gate.host()] if where == "there" else [])) as one:
        ran = await one.compile("a.c", *options)
        assert (ran.status, ran.errors) == (0, "")
        assert one.dispatcher.tally.remote == (where == "there")
        if "-g" not in options:
            assert ran.product == one.alone("a.c", *options)


@pytest.mark.parametrize("name", ["b.cc", "b.cpp", "b.C"])
async def test_other_languages_keep_their_name(bench: MakeBench, name: str) -> None:
    async with bench() as one:
        (one.folder / name).write_text("template <class T> T same(T x) { return x; }\nint f() { return same(1); }\n")
        ran = await one.compile(name)
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone(name))
        assert one.dispatcher.tally.here == 1


@pytest.mark.parametrize("manner", FAILURES, ids=lambda manner: manner.value)
async def test_a_host_that_fails_is_not_noticed_by_distcc(bench: MakeBench, distccd: int, manner: Manner) -> None:
    async with FakeGate(distccd, manner).open() as gate, bench(gate.host(), patience=SHORT) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert gate.jobs == 1
        assert (one.dispatcher.tally.here, one.dispatcher.tally.losses) == (1, 1)
        assert one.trouble == []


async def test_the_next_host_takes_over(bench: MakeBench, distccd: int) -> None:
    bad, good = FakeGate(distccd, Manner.CUT_REPLY, "bad", speed=9.0), FakeGate(distccd, name="good")
    async with bad.open(), good.open(), bench(bad.host(), good.host(), here=0) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert one.dispatcher.tally.hosts == {"good": 1}
        assert one.dispatcher.tally.moved == 1


async def test_a_host_that_nobody_reaches_costs_no_more_than_a_second(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate:
        host = gate.host()
    async with bench(host) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())


async def test_a_reclaim_in_the_middle_of_a_compile_moves_it(bench: MakeBench, distccd: int) -> None:
    first = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION, "first", speed=9.0)
    second = FakeGate(distccd, name="second")
    async with first.open(), second.open(), bench(first.host(), second.host()) as one:
        running = asyncio.create_task(one.compile())
        await comes_true(lambda: first.tickets)
        first.cut()
        ran = await running
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert one.dispatcher.tally.hosts == {"second": 1}


async def test_a_host_that_hangs_is_overtaken_by_this_machine_and_hung_up_on(bench: MakeBench, distccd: int) -> None:
    gate = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host(), here=0, usual=Hurried()) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert (one.dispatcher.tally.here, one.dispatcher.tally.raced, one.dispatcher.tally.won) == (1, 1, 1)
        await comes_true(lambda: not gate.clients)
        assert one.trouble == []


async def test_a_host_that_hangs_is_overtaken_by_another_host(bench: MakeBench, distccd: int) -> None:
    hung = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION, "hung", speed=9.0)
    good = FakeGate(distccd, name="good")
    async with hung.open(), good.open(), bench(hung.host(), good.host(), here=0, usual=Hurried()) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert (one.dispatcher.tally.hosts, one.dispatcher.tally.won) == ({"good": 1}, 1)
        await comes_true(lambda: not hung.clients)


async def test_a_copy_here_that_loses_is_ended_and_leaves_nothing(bench: MakeBench) -> None:
    gate = FakeGate(manner=Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host(), here=1, usual=Hurried()) as one:
        slow = one.folder / "slow-gcc"
        slow.write_text(f"#!/bin/sh\necho $$ > {one.folder}/pid\nsleep 60 & wait\n")
        slow.chmod(0o755)
        waiting = asyncio.create_task(_answer(one.port, request((str(slow), "-c", "a.c", "-o", "a.o"), b"int x;\n")))
        pid = one.folder / "pid"
        await comes_true(lambda: pid.exists() and pid.read_text().endswith("\n"))
        group = int(pid.read_text())
        answer = b"".join(reply(0, product=b"the object"))
        gate.answer(answer)
        assert await waiting == answer
        assert (one.dispatcher.tally.hosts, one.dispatcher.tally.won) == ({"fake": 1}, 0)
        await comes_true(lambda: not procfs.group(group))
        await comes_true(lambda: not list((one.folder / "work").iterdir()))


async def test_a_host_that_refuses_good_source_cannot_fail_a_build(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd, Manner.REFUSE).open() as gate, bench(gate.host()) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
        assert one.dispatcher.tally.here == 1
        await one.compile()
        assert gate.jobs == 1


@pytest.mark.parametrize("where", ["here", "there"])
async def test_an_error_in_the_source_is_told_as_the_compiler_tells_it(
    bench: MakeBench, distccd: int, where: str
) -> None:
    async with FakeGate(distccd).open() as gate, bench(*([gate.host()] if where == "there" else [])) as one:
        (one.folder / "bad.c").write_text("int f( { return; }\n")
        ran = await one.compile("bad.c")
        assert (ran.status, ran.errors, ran.product) == (1, one.complaint("bad.c"), b"")


async def test_a_warning_reaches_the_user_without_what_a_terminal_obeys(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd, Manner.DECORATE).open() as gate, bench(gate.host()) as one:
        ran = await one.compile()
        assert (ran.status, ran.errors, ran.product) == (0, "note\n", one.alone())
        assert one.dispatcher.tally.remote == 1


async def test_a_client_that_gives_up_ends_its_compile(bench: MakeBench) -> None:
    async with bench() as one:
        _, writer = await asyncio.open_connection("127.0.0.1", one.port)
        slow = one.folder / "slow-gcc"
        slow.write_text(f"#!/bin/sh\necho $$ > {one.folder}/pid\nsleep 60 & wait\n")
        slow.chmod(0o755)
        writer.write(request((str(slow), "-c", "a.c", "-o", "a.o"), b"int x;\n"))
        pid = one.folder / "pid"
        await comes_true(lambda: pid.exists() and pid.read_text().endswith("\n"))
        group = int(pid.read_text())
        writer.close()
        await comes_true(lambda: not one.dispatcher.jobs)
        await one.connector.close()
        assert not list((one.folder / "work").iterdir()), "closing waits for what was called off before"
        await comes_true(lambda: not procfs.group(group))


async def test_a_client_that_gives_up_while_a_host_works_lets_it_go(bench: MakeBench, distccd: int) -> None:
    gate = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host()) as one:
        process = await one.spawn("a.c")
        await comes_true(lambda: gate.tickets)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await comes_true(lambda: not one.dispatcher.jobs)
        await process.communicate()


@pytest.mark.parametrize(
    "argv",
    [("no-such-compiler", "-c", "a.c", "-o", "a.o"), ("gcc", "-c", "a.c"), ("./gcc", "-c", "a.c", "-o", "a.o"),
     ("/usr/lib/distcc/gcc", "-c", "a.c", "-o", "a.o")],
)  # fmt: skip
async def test_what_cannot_be_compiled_here_goes_back_to_distcc(bench: MakeBench, argv: tuple[str, ...]) -> None:
    async with bench() as one:
        assert await _answer(one.port, request(argv, b"int x;\n")) == b""
        assert one.dispatcher.jobs == 0


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", request(("gcc",), b"x" * 5000), request(("gcc",), b"") + b"more"]
)
async def test_what_is_no_request_is_hung_up_on(bench: MakeBench, data: bytes) -> None:
    async with bench(limit=4000) as one:
        assert await _answer(one.port, data) == b""
        assert (await one.compile()).status == 0


async def test_compressed_source_goes_out_or_back_to_distcc(bench: MakeBench, distccd: int) -> None:
    head = token("DIST", 2) + token("ARGC", 1) + token("ARGV", 3) + b"gcc" + token("DOTI", 4) + b"lzo!"
    async with FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION).open() as gate, bench(gate.host()) as one:
        waiting = asyncio.create_task(_answer(one.port, head))
        await comes_true(lambda: gate.tickets)
        one.connector.set_hosts(())
        gate.cut()
        assert await waiting == b""


async def _answer(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_another_user_of_this_machine_is_not_served(bench: MakeBench) -> None:
    script = (
        "import socket, sys\n"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "try:\n    s.sendall(bytes.fromhex(sys.argv[2])); print(len(s.recv(1)))\n"
        "except ConnectionError: print(0)\n"
    )
    data = request(("gcc", "-c", "a.c", "-o", "a.o"), b"int x;\n").hex()
    runuser, python = shutil.which("runuser"), "/usr/bin/python3"
    assert runuser
    async with bench() as one:
        for prefix, answered in (([runuser, "-u", "nobody", "--"], b"0"), ([], b"1")):
            process = await asyncio.create_subprocess_exec(
                *prefix,
                python if Path(python).exists() else sys.executable,
                "-c",
                script,
                str(one.port),
                data,
                stdout=subprocess.PIPE,
            )
            output, _ = await process.communicate()
            assert output.strip() == answered
        assert one.dispatcher.tally.here == 1


async def test_many_compiles_at_once_never_exceed_this_machines_slots(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(slots=2), here=1) as one:
        data = request(("gcc", "-c", "a.c", "-o", "a.o"), b"int x;\n")
        answers = await asyncio.gather(*(_answer(one.port, data) for _ in range(30)))
        assert all(answer.startswith(b"DONE00000001STAT00000000") for answer in answers)
        assert one.dispatcher.tally.total == 30
        assert one.dispatcher.tally.remote > 0


async def test_closing_hangs_up_on_everybody(bench: MakeBench) -> None:
    gate = FakeGate(manner=Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host()) as one:
        waiting = asyncio.create_task(_answer(one.port, request(("gcc", "-c", "a.c", "-o", "a.o"), b"")))
        await comes_true(lambda: gate.tickets)
        await one.connector.close()
        assert await waiting == b""


async def test_a_host_with_another_compiler_gets_no_job(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate:
        other = replace(gate.host(), toolchains=frozenset(("gcc=gcc-9-x-1", "x86_64-linux-gnu-gcc=gcc-9-x-1")))
        async with bench(other, here=0, needs=Needs(BASE["PATH"])) as one:
            ran = await one.compile()
            assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
            assert gate.jobs == 0
            assert one.dispatcher.tally.here == one.dispatcher.tally.lacked.total() == 1


async def test_a_host_with_the_same_compiler_or_an_unknown_one_gets_jobs(bench: MakeBench, distccd: int) -> None:
    same, unknown = FakeGate(distccd, name="same", speed=9.0), FakeGate(distccd, name="unknown")
    needs = Needs(BASE["PATH"])
    async with same.open(), unknown.open():
        first = replace(same.host(), toolchains=frozenset(needs.all()))
        async with bench(first, unknown.host(), here=0, needs=needs) as one:
            for gates in ((first, unknown.host()), (unknown.host(),)):
                one.connector.set_hosts(gates)
                ran = await one.compile()
                assert (ran.status, ran.errors, ran.product) == (0, "", one.alone())
            assert one.dispatcher.tally.hosts == {"same": 1, "unknown": 1}
            assert one.dispatcher.tally.lacked == {}


async def test_a_client_may_hang_up_while_its_compiler_is_looked_at(bench: MakeBench) -> None:
    needs = Needs(BASE["PATH"])
    async with bench(needs=needs) as one:
        assert needs._looking.acquire(timeout=1)
        try:
            process = await one.spawn("a.c")
            await comes_true(lambda: one.connector._clients)
            process.kill()
            await process.wait()
            await comes_true(lambda: not one.connector._clients)
        finally:
            needs._looking.release()
        await comes_true(lambda: not one.connector._tasks)
        assert one.dispatcher.jobs == 0
        assert (await one.compile()).status == 0
