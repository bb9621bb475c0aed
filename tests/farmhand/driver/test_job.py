"""Texts that may leave, texts that may not, and what becomes of their files; real launchers and compilers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.driver_bench import MakeBench, end_reading
from fakes.fake_gate import FakeGate
from fakes.waiting import comes_true

from farmhand.driver.job import PRAGMA, READ_ONCE, WORD_IN_TEXT

HEADER = '#pragma push_macro("X")\n#undef X\n#define X 2\n#pragma pop_macro("X")\n'


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    "source",
    ["const char *when = __DATE__;\n", 'asm(".incbin \\"a.c\\"");\n', "const char *when = __TIMESTAMP__;\n"],
    ids=["date", "incbin", "timestamp"],
)
async def test_a_text_that_means_this_machine_stays(bench: MakeBench, distccd: int, source: str, compiler: str) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        (one.folder / "b.c").write_text(source)
        assert (await one.compile("b.c", compiler=compiler)).status == 0
        assert (gate.jobs, one.dispatcher.tally.kept) == (0, {WORD_IN_TEXT: 1})


@pytest.mark.parametrize("where", ["source", "header", "folder", "option"])
async def test_what_gcc_drops_from_its_text_is_looked_for_in_the_files(
    bench: MakeBench, distccd: int, where: str
) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        (one.folder / "inc").mkdir()
        (one.folder / "inc" / "far.h").write_text(HEADER)
        (one.folder / "h.h").write_text(HEADER if where == "header" else "")
        include = {"header": '#include "h.h"\n', "folder": "#include <far.h>\n"}.get(where, "")
        options = ["-include", "inc/far.h"] if where == "option" else ["-Iinc"]
        (one.folder / "b.c").write_text(f"#define X 1\n{include}{HEADER if where == 'source' else ''}int x = X;\n")
        assert await one.compile("b.c", *options) == one.alone("b.c", *options)
        assert (gate.jobs, one.dispatcher.tally.kept) == (0, {PRAGMA: 1})


async def test_a_header_that_is_a_pipe_keeps_its_text_here(bench: MakeBench, distccd: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        pipe = one.folder / "pipe"
        os.mkfifo(pipe)
        (one.folder / "b.c").write_text("int x;\n")
        process = await one.spawn("b.c", "-include", "pipe")
        await comes_true(lambda: [end_reading(pipe), process.returncode][1] is not None)
        await process.communicate()
        assert (process.returncode, gate.jobs) == (0, 0)
        assert one.dispatcher.tally.kept == {READ_ONCE: 1}


async def test_a_file_that_changes_between_two_compiles_is_read_as_it_was_told(bench: MakeBench, distccd: int) -> None:
    """Files without the word are read once; the text itself is read each time."""
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        for number in (1, 2):
            (one.folder / "a.c").write_text(f"int x = {number};\n")
            assert await one.compile() == one.alone()
        assert one.dispatcher.tally.remote == 2


async def test_a_host_hears_no_path_of_this_machine_but_the_sources(bench: MakeBench, tmp_path: Path) -> None:
    async with FakeGate().open() as gate, bench(gate.host(), here=0) as one:
        (one.folder / "sub").mkdir()
        (one.folder / "sub" / "b.c").write_text("int x;\n")
        job = await one.spawn("sub/b.c", "-Isub", "-DSECRET=1", "-MD", "-MF", str(tmp_path / "b.d"))
        await job.communicate()
        assert job.returncode == 0
        assert (tmp_path / "b.d").read_text().startswith("out.o: sub/b.c")


@pytest.mark.parametrize("mask", [0o077, 0o022, 0o000])
async def test_objects_have_the_modes_that_compilers_give_them(bench: MakeBench, distccd: int, mask: int) -> None:
    async with FakeGate(distccd).open() as gate, bench(gate.host()) as one:
        before = os.umask(mask)
        try:
            assert (await one.compile()).status == 0
            there = (one.folder / "out.o").stat().st_mode
            one.alone()
            assert there == (one.folder / "out.o").stat().st_mode
        finally:
            os.umask(before)
        assert one.dispatcher.tally.remote == 1
