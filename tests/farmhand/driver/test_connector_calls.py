"""What a build asks of the connector by its launchers: slots of this machine, pipes, launchers that end, the socket."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from fakes import procfs
from fakes.driver_bench import BASE, MakeBench, end_reading
from fakes.fake_gate import FakeGate, Manner
from fakes.waiting import comes_true

from farmhand.dispatch.jobs import JobState
from farmhand.driver.compilers import Compilers


async def test_a_build_that_gives_up_frees_its_slot(bench: MakeBench) -> None:
    async with bench() as one:
        async with one.slot_taken() as process:
            assert one.dispatcher.jobs == 1
            process.send_signal(signal.SIGKILL)
        await comes_true(lambda: not one.dispatcher.jobs)


async def test_a_build_that_gives_up_while_a_host_works_lets_it_go(bench: MakeBench, distccd: int) -> None:
    gate = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host()) as one:
        process = await one.spawn("a.c")
        await comes_true(lambda: gate.tickets)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        await comes_true(lambda: not one.dispatcher.jobs)
        await comes_true(lambda: not gate.clients)


async def test_what_compiles_nothing_is_answered_while_all_slots_are_taken(bench: MakeBench) -> None:
    async with bench(here=1) as one, one.slot_taken():
        for words in (["gcc", "-dumpmachine"], ["gcc", "-E", "a.c"], ["gcc", "-print-prog-name=as"], ["clang", "-v"]):
            assert (await one.run(*words)).status == 0
        assert one.dispatcher.jobs == 1


@pytest.mark.parametrize(
    "line",
    [
        "gcc -E a.c | gcc -O2 -x c - -c -o out.o",
        "gcc -E a.c -o /dev/stdout | gcc -O2 -x c /dev/stdin -c -o out.o",
        "clang -E a.c | clang -O2 -x c - -c -o out.o",
    ],
)
@pytest.mark.parametrize("hosts", [0, 1])
async def test_a_pipeline_does_not_wait_for_itself(bench: MakeBench, distccd: int, line: str, hosts: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(*[gate.host()] * hosts, here=1) as one, one.slot_taken():
        ran = await one.run("sh", "-c", line)
        assert (ran.status, ran.errors) == (0, "")
        assert ran.product


async def test_a_program_that_is_no_compiler_runs_as_it_is(bench: MakeBench) -> None:
    async with bench() as one:
        called = await one.run(str(one.launchers.launcher), "/bin/echo", "-c", "a.c", "-o", "a.o")
        assert (called.status, called.errors) == (0, "-c a.c -o a.o\n")
        assert one.dispatcher.jobs == 0


@pytest.mark.parametrize(
    "words", ["distcc gcc", "/usr/bin/distcc gcc", "/usr/lib/distcc/gcc", "distcc /usr/lib/distcc/gcc"]
)
async def test_distcc_in_front_of_a_compiler_is_passed_over(bench: MakeBench, distccd: int, words: str) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        launcher = [str(one.launchers.launcher)] if words.startswith("/") else []
        ran = await one.run(*launcher, *words.split(), *one.command("a.c")[1:])
        assert ran == one.alone()
        assert one.dispatcher.tally.remote == 1


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"H\0\0\0\0",
        b"H\1\0\0\0\0",
        b"S\4\0\0\0abcd",
        b"H\xff\xff\xff\xff",
        b"H\x1a\0\0\0farmhand-launcher 1\0p\0f\09\0",
    ],
)
async def test_what_is_no_launcher_is_hung_up_on(
    bench: MakeBench, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench() as one:
        reader, writer = await asyncio.open_unix_connection(one.session / "socket")
        writer.write(data)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
        assert (await one.compile()).status == 0
    assert caplog.text == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
async def test_another_user_of_this_machine_is_not_served(bench: MakeBench) -> None:
    script = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "try:\n    s.connect(sys.argv[1]); print('in')\n"
        "except PermissionError: print('out')\n"
    )
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    async with bench() as one:
        one.session.parent.parent.chmod(0o755)
        one.session.parent.chmod(0o755)
        for prefix, answered in ((["runuser", "-u", "nobody", "--"], b"out"), ([], b"in")):
            process = await asyncio.create_subprocess_exec(
                *prefix, python, "-c", script, str(one.session / "socket"), stdout=subprocess.PIPE
            )
            output, _ = await process.communicate()
            assert output.strip() == answered


async def test_many_compiles_at_once_all_end_well(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(slots=2), here=1) as one:
        started = 'for n in $(seq 24); do gcc -c a.c -o $n.o & pids="$pids $!"; done'
        ran = await one.run("sh", "-c", f"{started}; for pid in $pids; do wait $pid || exit; done")
        assert (ran.status, ran.errors) == (0, "")
        assert one.dispatcher.tally.total == len(list(one.folder.glob("*.o"))) == 24
        assert one.dispatcher.tally.remote > 0


async def test_compiles_here_never_exceed_this_machines_slots(bench: MakeBench) -> None:
    async with bench(here=1) as one:
        wrapper = one.script("count", 'mkdir lock || touch overlap\n"$@"\nstatus=$?\nrmdir lock\nexit $status')
        loop = f"for n in 1 2 3 4 5 6; do gcc -wrapper {wrapper} -c a.c -o $n.o & done; wait"
        ran = await one.run("sh", "-c", loop)
        assert (ran.status, ran.errors) == (0, "")
        assert not (one.folder / "overlap").exists()
        assert len(list(one.folder.glob("*.o"))) == 6
        assert one.dispatcher.tally.kept == {"-wrapper": 6}


async def test_a_compiler_that_began_while_its_source_was_preprocessed_keeps_its_slot(bench: MakeBench) -> None:
    gate = FakeGate(manner=Manner.SILENT_AFTER_ADMISSION, speed=0.5)
    async with gate.open(), bench(gate.host(slots=1), here=1) as one:
        header = one.folder / "slow.h"
        os.mkfifo(header)
        (one.folder / "slow.c").write_text('#include "slow.h"\nint x;\n')
        async with one.slot_taken():
            slow = await one.spawn("slow.c")
            await comes_true(lambda: list(one.session.glob("*.i")), "the preprocessor has begun")
        await comes_true(lambda: one.dispatcher.jobs == 1)
        await comes_true(lambda: end_reading(header), "the preprocessor goes on")
        await comes_true(lambda: any("cc1 -quiet" in procfs.command_line(pid) for pid in procfs.children(slow.pid)))
        assert one.dispatcher.jobs == 1, "the compiler runs, so its slot is taken"
        await comes_true(lambda: end_reading(header), "the compiler goes on")
        await slow.communicate()
        assert slow.returncode == 0
        await comes_true(lambda: not one.dispatcher.jobs)


async def test_closing_leaves_everybody_to_their_own_compilers(bench: MakeBench) -> None:
    gate = FakeGate(manner=Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host()) as one:
        waiting = asyncio.create_task(one.compile())
        await comes_true(lambda: gate.tickets)
        await one.connector.close()
        assert await waiting == one.alone()


async def test_a_launcher_may_end_while_its_compiler_is_looked_at(bench: MakeBench) -> None:
    compilers = Compilers(BASE["PATH"])
    async with bench(compilers=compilers) as one:
        assert compilers._looking.acquire(timeout=1)
        try:
            process = await one.spawn("a.c")
            await comes_true(lambda: one.connector._clients)
            process.kill()
            await process.communicate()
            await comes_true(lambda: not one.connector._clients)
        finally:
            compilers._looking.release()
        await comes_true(lambda: not one.connector._others)
        assert one.dispatcher.jobs == 0
        assert (await one.compile()).status == 0


async def test_a_folder_that_is_emptied_in_the_middle_costs_only_help(
    bench: MakeBench, distccd: int, caplog: pytest.LogCaptureFixture
) -> None:
    gate = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host(), here=0) as one:
        running = asyncio.create_task(one.compile())
        await comes_true(lambda: gate.tickets)
        shutil.rmtree(one.session)
        gate.cut()
        assert await running == one.alone()
        assert await one.compile() == one.alone()
        await comes_true(lambda: not one.dispatcher.jobs)
    assert caplog.text == ""


async def test_a_text_that_is_gone_before_it_can_be_sent_is_compiled_here(
    bench: MakeBench, distccd: int, caplog: pytest.LogCaptureFixture
) -> None:
    """All slots are taken when the text is ready; it is removed before one is free."""
    gate = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host(slots=1), here=0) as one:
        first = await one.spawn("a.c")
        await comes_true(lambda: gate.tickets)
        second = asyncio.create_task(one.compile())
        await comes_true(lambda: any(job.state is JobState.QUEUED for job in one.dispatcher._jobs.values()))
        for text in one.session.glob("*.i"):
            text.unlink()
        first.kill()
        await first.communicate()
        assert await second == one.alone()
        await comes_true(lambda: not one.dispatcher.jobs)
    assert caplog.text == ""
