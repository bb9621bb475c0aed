"""The launcher program, compiled with sanitizers: whatever the driver does, the compiler runs as without it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import struct
import subprocess
from pathlib import Path

import pytest
from fakes.scripted_driver import SANITIZED, Ended, LauncherBench, an_object, message
from fakes.waiting import comes_true

from farmhand.driver.launchers import SOURCE

WARNINGS = ["-Wall", "-Wextra", "-Werror"]
ALONE = Ended(0, "gcc -c a.c\n", "")
"""What the compiler makes of the call in most tests."""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_compiler_has_anything_to_say_about_it(compiler: str, tmp_path: Path) -> None:
    subprocess.run([compiler, *WARNINGS, "-O2", "-o", tmp_path / "launcher", SOURCE], check=True)


async def _alone(*words: str) -> int:
    """Run a command without a launcher, and return its status."""
    return await (await asyncio.create_subprocess_exec(*words)).wait()


# --- no driver, or one that fails ---------------------------------------------
async def test_without_a_driver_the_compiler_runs(launcher: LauncherBench) -> None:
    assert await launcher.run("gcc", "-c", "a.c") == ALONE


async def test_a_driver_hears_the_whole_call(launcher: LauncherBench) -> None:
    async with launcher.driver().listening() as driver:
        assert await launcher.run("gcc", "-c", "a.c", "") == Ended(0, "gcc -c a.c \n", "")
    (call,) = driver.calls
    assert (call.program, call.words) == (str(launcher.real / "gcc"), ("gcc", "-c", "a.c", ""))
    assert (call.folder, call.variables["PATH"]) == (str(launcher.work), launcher.path)


async def test_a_driver_is_found_by_a_variable_where_path_does_not_lead_to_it(launcher: LauncherBench) -> None:
    async with launcher.driver().listening() as driver:
        variables = {"PATH": f"{launcher.real}:/bin", "FARMHAND_SESSION": str(launcher.session), **SANITIZED}
        assert await launcher.run("gcc", "-c", "a.c", variables=variables) == ALONE
    assert len(driver.calls) == 1


REPORT = message("W")
NONSENSE = [
    b"",
    b"R",
    b"R\1\0",
    message("R", "/bin/true"),
    message("D"),
    message("D", "a.o", "b.o"),
    message("P"),
    message("P", "text.i"),
    message("P", "text.i", "0", "/bin/true"),
    message("P", "text.i", "1", "word", "/bin/true"),
    message("P", "text.i", "99999999", "/bin/true", "true"),
    message("P", "text.i", "-1", "/bin/true", "true"),
    message("P", "/nowhere/text.i", "0", "/bin/true", "true"),
    message("?", "what"),
    b"R\4\0\0\0abcd",
    b"P\3\0\0\0a\0b",
    b"R\xff\xff\xff\xff",
    b"R\0\0\0\4",
    an_object("a.o", b"half", 100),
    an_object("a.o", b"", 1 << 63),
    message("D", "a.o") + b"\1\0",
    an_object("nowhere/a.o", b"object"),
]


@pytest.mark.parametrize("answer", NONSENSE, ids=repr)
async def test_a_driver_that_ends_or_talks_nonsense_is_not_noticed(launcher: LauncherBench, answer: bytes) -> None:
    async with launcher.driver(answer).listening() as driver:
        assert await launcher.run("gcc", "-c", "a.c") == ALONE
        assert len(driver.calls) == 1


async def test_a_driver_that_ends_after_a_question_is_not_noticed(launcher: LauncherBench) -> None:
    question = message("P", "text.i", "0", "/bin/echo", "echo", "text")
    async with launcher.driver(question).listening():
        assert await launcher.run("gcc", "-c", "a.c") == ALONE
    assert (launcher.work / "text.i").read_text() == "text\n"


async def test_a_driver_that_is_killed_while_it_is_waited_for_is_not_noticed(launcher: LauncherBench) -> None:
    script = (
        "import socket, sys, time\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); s.accept()\n"
        "print(1, flush=True); time.sleep(60)\n"
    )
    driver = await asyncio.create_subprocess_exec(
        "python3", "-c", script, launcher.session / "socket", stdout=subprocess.PIPE
    )
    assert driver.stdout
    await comes_true((launcher.session / "socket").exists)
    running = asyncio.create_task(launcher.run("gcc", "-c", "a.c"))
    await driver.stdout.readline()
    driver.kill()
    assert await running == ALONE
    await driver.communicate()


# --- what it is told to do ------------------------------------------------------
async def test_it_becomes_the_compiler_and_the_driver_sees_its_end(launcher: LauncherBench) -> None:
    launcher.compiler("gcc", "echo $$ > pid; read line < go")
    os.mkfifo(launcher.work / "go")
    async with launcher.driver(message("R"), holds=True).listening() as driver:
        process = await launcher.start("gcc", "-c", "a.c")
        pid = launcher.work / "pid"
        await comes_true(lambda: pid.exists() and pid.read_text() == f"{process.pid}\n")
        assert driver.ended == 0
        (launcher.work / "go").write_text("\n")
        await process.communicate()
        await comes_true(lambda: driver.ended == 1)


@pytest.mark.parametrize("script", ["exit 0", "exit 7", "kill -KILL $$", "kill -SEGV $$", "kill -TERM $$"])
async def test_it_reports_how_the_compiler_ended_and_ends_the_same_way(launcher: LauncherBench, script: str) -> None:
    alone = await _alone("/bin/sh", "-c", script)
    launcher.compiler("gcc", f"ulimit -c 0; {script}")
    async with launcher.driver(message("W"), holds=True).listening() as driver:
        assert (await launcher.run("gcc", "-c", "a.c")).status == alone
        await comes_true(lambda: driver.ended == 1)
    ((kind, body),) = driver.told
    assert kind == b"S"
    assert os.waitstatus_to_exitcode(struct.unpack("=i", body)[0]) == alone


@pytest.mark.parametrize(
    ("script", "words", "answer"),
    [
        ("echo text", [], b"K"),
        ("echo text", ["tex"], b"F"),
        ("echo text", ["other", "ext\n"], b"F"),
        ("echo text", ["other"], b"K"),
        (":", ["other"], b"K"),
        ("echo text; echo warning >&2", [], b"X"),
        ("echo text; exit 1", [], b"X"),
        ("kill -KILL $$", [], b"X"),
    ],
)
async def test_it_preprocesses_and_tells_what_came_of_it(
    launcher: LauncherBench, script: str, words: list[str], answer: bytes
) -> None:
    order = message("P", "text.i", str(len(words)), *words, "/bin/sh", "sh", "-c", script)
    async with launcher.driver(order, b"").listening() as driver:
        assert await launcher.run("gcc", "-c", "a.c") == ALONE, "messages of the preprocessor are not shown"
    assert [kind for kind, _ in driver.told] == [answer]


async def test_a_preprocessor_that_cannot_be_started_has_failed(launcher: LauncherBench) -> None:
    async with launcher.driver(message("P", "text.i", "0", "/nowhere/gcc", "gcc"), b"").listening() as driver:
        assert await launcher.run("gcc", "-c", "a.c") == ALONE
    assert [kind for kind, _ in driver.told] == [b"X"]


async def test_it_writes_an_object(launcher: LauncherBench) -> None:
    content = os.urandom(300_000)
    os.umask(mask := os.umask(0))
    for path in ("a.o", str(launcher.work / "b.o")):
        async with launcher.driver(an_object(path, content)).listening():
            assert await launcher.run("gcc", "-c", "a.c", "-o", path) == Ended(0, "", "")
        assert (launcher.work / path).read_bytes() == content
        assert (launcher.work / path).stat().st_mode & 0o777 == 0o666 & ~mask


async def test_an_object_replaces_a_file_and_leaves_other_names_of_it_alone(launcher: LauncherBench) -> None:
    (launcher.work / "a.o").write_text("old")
    (launcher.work / "a.o").chmod(0o444)
    (launcher.work / "kept.o").hardlink_to(launcher.work / "a.o")
    async with launcher.driver(an_object("a.o", b"new")).listening():
        assert (await launcher.run("gcc", "-c", "a.c")).status == 0
    assert ((launcher.work / "a.o").read_text(), (launcher.work / "kept.o").read_text()) == ("new", "old")


async def test_a_link_or_a_pipe_as_output_is_left_to_the_compiler(launcher: LauncherBench) -> None:
    (launcher.work / "target").write_text("old")
    (launcher.work / "link.o").symlink_to("target")
    os.mkfifo(launcher.work / "pipe.o")
    (launcher.work / "folder.o").mkdir()
    for path in ("link.o", "pipe.o", "folder.o", "/dev/null", "/dev/full"):
        async with launcher.driver(an_object(path, b"new")).listening():
            assert await launcher.run("gcc", "-c", "a.c") == ALONE
    assert (launcher.work / "target").read_text() == "old"
    assert (launcher.work / "link.o").is_symlink()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else, and mount")
async def test_a_folder_that_is_read_only_is_left_to_the_compiler(launcher: LauncherBench) -> None:
    order = an_object("a.o", b"new")
    for folder in (launcher.launcher.parent, *launcher.launcher.parents, *launcher.work.parents):
        if folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)
    launcher.session.chmod(0o755)
    async with launcher.driver(order).listening():
        (launcher.session / "socket").chmod(0o777)
        ended = await launcher.run("gcc", "-c", "a.c", before=lambda: (os.setgid(65534), os.setuid(65534))[0])
    assert ended == ALONE
    assert not list(launcher.work.iterdir())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
async def test_a_disk_that_is_full_is_left_to_the_compiler(launcher: LauncherBench) -> None:
    script = f'mount -t tmpfs -o size=64k none . && cd . && exec -a gcc {launcher.names}/gcc -c "$PWD/a.c"'
    launcher.compiler("gcc", "ls -s a.o")
    async with launcher.driver(an_object(str(launcher.work / "a.o"), b"x" * 300_000)).listening():
        words = ("unshare", "--mount", "bash", "-c", script)
        ended = await launcher.run(*words, executable=shutil.which("unshare"))
    assert (ended.status, ended.errors) == (0, "")


async def test_half_an_object_does_not_survive_a_signal(launcher: LauncherBench) -> None:
    half = an_object("a.o", b"x" * 200_000, 300_000)
    async with launcher.driver(half, holds=True).listening() as driver:
        process = await launcher.start("gcc", "-c", "a.c")
        made = launcher.work / "a.o"
        await comes_true(lambda: made.exists() and made.stat().st_size)
        process.terminate()
        await process.communicate()
        assert process.returncode == -signal.SIGTERM
        assert not made.exists()
        await comes_true(lambda: driver.ended == 1)
