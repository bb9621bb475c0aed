"""Real compilers behind launchers, and hosts of every kind: whatever a host does, the build sees only objects."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import procfs
from fakes.dispatch_talk import Hurried
from fakes.driver_bench import BASE, MakeBench, Ran
from fakes.fake_gate import FakeGate, Manner
from fakes.waiting import comes_true

from farmhand.distcc.protocol import reply
from farmhand.driver.compilers import Compilers
from farmhand.driver.gate_client import Patience

SHORT = Patience(connect=0.5, admit=0.3, job=1.5)
FAILURES = [manner for manner in Manner if manner not in (Manner.RELAY, Manner.REFUSE, Manner.DECORATE)]
BAD = "int f( { return; }\n"
WARNED = "int f(void) { int unused; return 1; }\n"


async def test_a_compile_runs_on_this_machine(bench: MakeBench) -> None:
    async with bench() as one:
        assert await one.compile() == one.alone()
        assert (one.dispatcher.tally.here, one.connector.calls) == (1, 1)


async def test_a_compile_runs_on_a_host_and_shows_its_ticket(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host(ticket="abc")) as one:
        assert await one.compile() == one.alone()
        assert one.dispatcher.tally.hosts == {"fake": 1}
        assert gate.tickets == ["abc"]


@pytest.mark.parametrize("options", [["-DX=1", "-MMD"], ["-Wall", "-fPIC"]], ids=" ".join)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("where", ["here", "there"])
async def test_options_survive_the_way(
    bench: MakeBench, distccd: int, where: str, compiler: str, options: list[str]
) -> None:
    async with FakeGate(distccd).open() as gate, bench(*([gate.host()] if where == "there" else [])) as one:
        ran = await one.compile("a.c", *options, compiler=compiler)
        assert one.dispatcher.tally.remote == (where == "there")
        assert (one.folder / "out.d").exists() == ("-MMD" in options)
        assert ran == one.alone("a.c", *options, compiler=compiler)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
async def test_debug_information_leads_to_the_source_here(bench: MakeBench, distccd: int, compiler: str) -> None:
    """gcc notes one option more, so the objects differ in that."""
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        assert (await one.compile("a.c", "-g", compiler=compiler)).status == 0
        assert one.dispatcher.tally.remote == 1
        there = _lines(one.folder)
        one.alone("a.c", "-g", compiler=compiler)
        assert there == _lines(one.folder)
        assert there[0] == str(one.folder)
        assert there[1]


def _lines(folder: Path) -> tuple[str, list[str]]:
    """The folder that the debug information of `out.o` names, and which lines of which files."""
    told = [
        subprocess.run(["objdump", f"--dwarf={what}", "out.o"], cwd=folder, capture_output=True, text=True, check=True)
        for what in ("info", "decodedline")
    ]
    info, lines = (one.stdout.splitlines() for one in told)
    (compiled_in,) = (line.rpartition(": ")[2].strip() for line in info if "DW_AT_comp_dir" in line)
    return compiled_in, [line for line in lines if line.startswith("a.c ")]


@pytest.mark.parametrize("name", ["b.cc", "b.cpp", "b.C"])
@pytest.mark.parametrize("compiler", ["gcc", "g++", "clang++"])
async def test_other_languages_keep_their_name(bench: MakeBench, distccd: int, name: str, compiler: str) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        (one.folder / name).write_text("template <class T> T same(T x) { return x; }\nint f() { return same(1); }\n")
        ran = await one.compile(name, compiler=compiler)
        assert (one.dispatcher.tally.remote, ran.status) == (1, 0)
        assert ran == one.alone(name, compiler=compiler)


@pytest.mark.parametrize("manner", FAILURES, ids=lambda manner: manner.value)
async def test_a_host_that_fails_is_not_noticed_by_the_build(bench: MakeBench, distccd: int, manner: Manner) -> None:
    async with FakeGate(distccd, manner).open() as gate, bench(gate.host(), patience=SHORT) as one:
        assert await one.compile() == one.alone()
        assert gate.jobs == 1
        assert (one.dispatcher.tally.here, one.dispatcher.tally.losses) == (1, 1)


async def test_the_next_host_takes_over(bench: MakeBench, distccd: int) -> None:
    bad, good = FakeGate(distccd, Manner.CUT_REPLY, "bad", speed=9.0), FakeGate(distccd, name="good")
    async with bad.open(), good.open(), bench(bad.host(), good.host(), here=0) as one:
        assert await one.compile() == one.alone()
        assert one.dispatcher.tally.hosts == {"good": 1}
        assert one.dispatcher.tally.moved == 1


async def test_a_host_that_nobody_reaches_fails_nothing(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate:
        host = gate.host()
    async with bench(host) as one:
        assert await one.compile() == one.alone()


async def test_a_reclaim_in_the_middle_of_a_compile_moves_it(bench: MakeBench, distccd: int) -> None:
    first = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION, "first", speed=9.0)
    second = FakeGate(distccd, name="second")
    async with first.open(), second.open(), bench(first.host(), second.host()) as one:
        running = asyncio.create_task(one.compile())
        await comes_true(lambda: first.tickets)
        first.cut()
        assert await running == one.alone()
        assert one.dispatcher.tally.hosts == {"second": 1}


async def test_a_host_that_hangs_is_overtaken_by_this_machine_and_hung_up_on(bench: MakeBench, distccd: int) -> None:
    gate = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host(), here=0, usual=Hurried()) as one:
        assert await one.compile() == one.alone()
        assert (one.dispatcher.tally.here, one.dispatcher.tally.raced, one.dispatcher.tally.won) == (1, 1, 1)
        await comes_true(lambda: not gate.clients)


async def test_a_host_that_hangs_is_overtaken_by_another_host(bench: MakeBench, distccd: int) -> None:
    hung = FakeGate(distccd, Manner.SILENT_AFTER_ADMISSION, "hung", speed=9.0)
    good = FakeGate(distccd, name="good")
    async with hung.open(), good.open(), bench(hung.host(), good.host(), here=0, usual=Hurried()) as one:
        assert await one.compile() == one.alone()
        assert (one.dispatcher.tally.hosts, one.dispatcher.tally.won) == ({"good": 1}, 1)
        await comes_true(lambda: not hung.clients)


async def test_a_copy_here_that_loses_is_ended_and_leaves_nothing(bench: MakeBench) -> None:
    gate = FakeGate(manner=Manner.SILENT_AFTER_ADMISSION)
    async with gate.open(), bench(gate.host(), here=1, usual=Hurried()) as one:
        (one.folder / "endless.cc").write_text(ENDLESS)
        waiting = asyncio.create_task(one.compile("endless.cc", *HEAVY))
        await comes_true(lambda: _copies(one.session))
        group = _copies(one.session)[0]
        gate.answer(b"".join(reply(0, product=b"the object")))
        assert await waiting == Ran(0, "", b"the object")
        assert (one.dispatcher.tally.hosts, one.dispatcher.tally.won) == ({"fake": 1}, 0)
        await comes_true(lambda: not procfs.group(group))
        await comes_true(lambda: [path.name for path in one.session.iterdir()] == ["socket"])


ENDLESS = """template <int A, int B> struct slow {
    static const int value = slow<A - 1, B>::value + slow<A - 1, B + A>::value;
};
template <int B> struct slow<0, B> { static const int value = B; };
int x = slow<26, 0>::value;
"""
HEAVY = ("-ftemplate-depth=2000",)
"""A source and options that keep a compiler busy for much longer than a test."""


def _copies(session: Path) -> list[int]:
    """The process groups of compilers that work on a text in the session's folder."""
    told = (f"/{session.name}/tmp", "source.ii")
    return [pid for pid in procfs.children() if all(part in procfs.command_line(pid) for part in told)]


async def test_a_host_that_refuses_good_source_cannot_fail_a_build_and_rests(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd, Manner.REFUSE).open() as gate, bench(gate.host()) as one:
        assert await one.compile() == one.alone()
        assert one.dispatcher.tally.here == 1
        assert await one.compile() == one.alone()
        assert gate.jobs == 1


async def test_a_host_that_has_something_to_say_is_not_believed_and_does_not_rest(
    bench: MakeBench, distccd: int
) -> None:
    async with FakeGate(distccd, Manner.DECORATE).open() as gate, bench(gate.host()) as one:
        for turn in (1, 2):
            assert await one.compile() == one.alone()
            assert (gate.jobs, one.dispatcher.tally.repeated) == (turn, turn)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("source", [BAD, WARNED], ids=["error", "warning"])
@pytest.mark.parametrize("where", ["here", "there"])
async def test_messages_are_told_once_and_as_the_compiler_tells_them(
    bench: MakeBench, distccd: int, where: str, source: str, compiler: str
) -> None:
    async with FakeGate(distccd).open() as gate, bench(*([gate.host()] if where == "there" else [])) as one:
        (one.folder / "said.c").write_text(source)
        ran = await one.compile("said.c", "-Wall", compiler=compiler)
        assert ran == one.alone("said.c", "-Wall", compiler=compiler)
        assert ran.errors
        assert gate.jobs == (where == "there")


async def test_a_request_on_which_hosts_hang_up_says_nothing_about_them(bench: MakeBench, distccd: int) -> None:
    first, second = (FakeGate(distccd, Manner.CUT_BEFORE_REPLY, name, speed=9.0) for name in ("first", "second"))
    async with first.open(), second.open(), bench(first.host(), second.host()) as one:
        assert await one.compile() == one.alone()
        assert (first.jobs, second.jobs, one.dispatcher.tally.here) == (1, 1, 1)
        first.manner = second.manner = Manner.RELAY
        assert await one.compile() == one.alone()
        assert (first.jobs + second.jobs, one.dispatcher.tally.remote) == (3, 1)


async def test_a_host_with_another_compiler_gets_no_job(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate:
        other = replace(gate.host(), toolchains=frozenset(("gcc=gcc-9-x-1", "x86_64-linux-gnu-gcc=gcc-9-x-1")))
        async with bench(other, here=0) as one:
            assert await one.compile() == one.alone()
            assert gate.jobs == 0
            assert one.dispatcher.tally.here == one.dispatcher.tally.lacked.total() == 1


async def test_a_host_with_the_same_compiler_or_an_unknown_one_gets_jobs(bench: MakeBench, distccd: int) -> None:
    same, unknown = FakeGate(distccd, name="same", speed=9.0), FakeGate(distccd, name="unknown")
    compilers = Compilers(BASE["PATH"])
    async with same.open(), unknown.open():
        first = replace(same.host(), toolchains=frozenset(compilers.all(["gcc"])))
        async with bench(first, unknown.host(), here=0, compilers=compilers) as one:
            for gates in ((first, unknown.host()), (unknown.host(),)):
                one.connector.set_hosts(gates)
                assert await one.compile() == one.alone()
            assert one.dispatcher.tally.hosts == {"same": 1, "unknown": 1}
            assert one.dispatcher.tally.lacked == {}
