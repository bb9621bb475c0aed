"""Compiles of texts on this machine, with real compilers; nothing of them stays behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes import procfs
from fakes.waiting import comes_true

from farmhand.driver.local_compiler import CannotCompile, LocalCompiler

COMMAND = ("gcc", "-O2", "-c", "a.c", "-o", "a.c.o")


async def test_a_text_is_compiled(tmp_path: Path) -> None:
    outcome = await LocalCompiler(tmp_path).compile("/usr/bin/gcc", COMMAND, b"int x;\n")
    assert (outcome.status, outcome.told, outcome.product[:4]) == (0, False, b"\x7fELF")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("source", "status"), [(b"int f( {\n", 1 << 8), (b'#warning "look"\nint x;\n', 0)])
async def test_whether_it_had_something_to_say_is_known(tmp_path: Path, source: bytes, status: int) -> None:
    outcome = await LocalCompiler(tmp_path).compile("/usr/bin/gcc", (*COMMAND, "-fdirectives-only"), source)
    assert (outcome.status, outcome.told, outcome.product != b"") == (status, True, status == 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "argv"),
    [
        ("/nowhere/gcc", COMMAND),
        ("/dev/null", COMMAND),
        ("/usr/bin/gcc", ("gcc", "-c", "a.c")),
        ("/usr/bin/gcc", ("gcc", "-c", "a.c", "b.c", "-o", "a.o")),
        ("/usr/bin/gcc", (*COMMAND, "-D\0")),
        ("/bin/true", COMMAND),
    ],
)
async def test_what_cannot_be_done_here_is_told(tmp_path: Path, program: str, argv: tuple[str, ...]) -> None:
    with pytest.raises(CannotCompile):
        await LocalCompiler(tmp_path).compile(program, argv, b"int x;\n")
    assert list(tmp_path.iterdir()) == []


async def test_without_its_folder_nothing_can_be_done(tmp_path: Path) -> None:
    with pytest.raises(CannotCompile):
        await LocalCompiler(tmp_path / "gone").compile("/usr/bin/gcc", COMMAND, b"int x;\n")


async def test_a_compiler_that_is_killed_is_no_good(tmp_path: Path) -> None:
    script = tmp_path / "gcc"
    script.write_text("#!/bin/sh\nkill -KILL $$\n")
    script.chmod(0o755)
    (tmp_path / "work").mkdir()
    outcome = await LocalCompiler(tmp_path / "work").compile(str(script), COMMAND, b"")
    assert (outcome.status, outcome.product) == (9, b"")


async def test_a_compile_that_is_called_off_ends_whole_and_leaves_nothing(tmp_path: Path) -> None:
    script, work = tmp_path / "gcc", tmp_path / "work"
    script.write_text(f'#!/bin/sh\ntouch "$TMPDIR/left"\nsleep 60 &\necho $$ > {tmp_path}/pid\nwait\n')
    script.chmod(0o755)
    work.mkdir()
    running = asyncio.create_task(LocalCompiler(work).compile(str(script), COMMAND, b""))
    pid = tmp_path / "pid"
    await comes_true(lambda: pid.exists() and pid.read_text().endswith("\n"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await comes_true(lambda: not procfs.group(int(pid.read_text())))
    assert list(work.iterdir()) == []
