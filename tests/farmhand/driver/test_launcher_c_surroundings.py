"""Which compiler the launcher program finds, and what of its surroundings reaches it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from fakes import procfs
from fakes.scripted_driver import SANITIZED, Ended, LauncherBench, message
from fakes.waiting import comes_true

from farmhand.driver.launchers import SOURCE

ALONE = Ended(0, "gcc -c a.c\n", "")
"""What the compiler makes of the call in most tests."""


# --- which compiler it finds -------------------------------------------------------
async def test_it_never_finds_itself(launcher: LauncherBench, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "gcc").hardlink_to(launcher.launcher)
    (tmp_path / "again").symlink_to(launcher.names)
    variables = {"PATH": f"{launcher.names}:{tmp_path / 'again'}:{other}:{launcher.path}", **SANITIZED}
    assert await launcher.run("gcc", "-c", "a.c", variables=variables) == ALONE
    nothing = {"PATH": f"{launcher.names}:{other}", **SANITIZED}
    assert await launcher.run("gcc", "-c", "a.c", variables=nothing) == Ended(127, "", "gcc: no such command\n")


async def test_two_launchers_do_not_call_each_other_for_ever(launcher: LauncherBench, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    shutil.copy(launcher.launcher, others / "gcc")
    for first, second in ((launcher.names, others), (others, launcher.names)):
        variables = {"PATH": f"{first}:{second}:{launcher.real}:/bin", **SANITIZED}
        assert await launcher.run("gcc", "-c", "a.c", executable=first / "gcc", variables=variables) == ALONE


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
async def test_it_does_not_find_itself_without_proc_either(launcher: LauncherBench, tmp_path: Path) -> None:
    plain = tmp_path / "plain" / "farmhand-launcher"
    plain.parent.mkdir()
    compiling = await asyncio.create_subprocess_exec("gcc", "-static", "-o", plain, SOURCE)
    assert await compiling.wait() == 0
    (launcher.names / "gcc").unlink()
    (launcher.names / "gcc").symlink_to(plain)
    script = "mount -t tmpfs none /proc && exec gcc -c a.c"
    ended = await launcher.run("unshare", "--mount", "sh", "-c", script, executable=shutil.which("unshare"))
    assert ended == ALONE


async def test_a_compiler_that_is_named_by_its_path_is_called_by_that_path(launcher: LauncherBench) -> None:
    (launcher.work / "gcc").write_text('#!/bin/sh\necho "here $*"\n')
    (launcher.work / "gcc").chmod(0o755)
    for named in (str(launcher.real / "gcc"), "./gcc"):
        async with launcher.driver().listening() as driver:
            ended = await launcher.run(str(launcher.launcher), named, "-c", "a.c")
        assert ended.output == ("here -c a.c\n" if named == "./gcc" else "gcc -c a.c\n")
        assert (driver.calls[0].program, driver.calls[0].words) == (named, (named, "-c", "a.c"))


async def test_its_own_path_means_the_compiler_of_that_name(launcher: LauncherBench) -> None:
    called = str(launcher.names / "gcc")
    async with launcher.driver().listening() as driver:
        assert await launcher.run(called, "-c", "a.c") == ALONE
    assert driver.calls[0].words == (str(launcher.real / "gcc"), "-c", "a.c")


async def test_an_empty_entry_of_path_is_the_current_folder_and_stays_one(launcher: LauncherBench) -> None:
    (launcher.work / "gcc").write_text('#!/bin/sh\necho "here <$PATH>"\n')
    (launcher.work / "gcc").chmod(0o755)
    front = f"{launcher.names}:{launcher.session}:"
    for path in (":/usr/bin:/bin", "/usr/bin:/bin:", "/nowhere::/usr/bin:/bin", ""):
        variables = {"PATH": front + path, **SANITIZED}
        if path.startswith("/usr/bin"):
            continue  # the distribution's gcc comes first
        assert (await launcher.run("gcc", "-c", "a.c", variables=variables)).output == f"here <{path}>\n"


async def test_the_compiler_has_the_environment_that_it_would_have_alone(launcher: LauncherBench) -> None:
    launcher.compiler("gcc", "env | sort")
    own = {"PATH": f"{launcher.real}:/usr/bin:/bin", "PWD": str(launcher.work), "A": "=b=", **SANITIZED}
    variables = {**own, "PATH": launcher.path, "FARMHAND_SESSION": str(launcher.session)}
    expected = await launcher.run("gcc", executable=launcher.real / "gcc", variables=own)
    assert await launcher.run("gcc", "-c", "a.c", variables=variables) == expected


async def test_without_a_path_it_looks_where_the_system_does(launcher: LauncherBench) -> None:
    ended = await launcher.run("gcc", "-dumpmachine", variables={**SANITIZED})
    assert (ended.status, ended.errors) == (0, "")


async def test_a_script_without_a_first_line_is_run_by_the_shell(launcher: LauncherBench) -> None:
    launcher.compiler("gcc", 'echo "script $*"', first="")
    assert (await launcher.run("gcc", "-c", "a b.c")).output == "script -c a b.c\n"
    async with launcher.driver(message("W")).listening():
        assert (await launcher.run("gcc", "-v")).output == "script -v\n"


async def test_a_compiler_that_vanishes_or_may_not_be_run_gives_the_status_of_a_shell(launcher: LauncherBench) -> None:
    (launcher.work / "data").write_text("")
    for path, status, why in (("/nowhere/gcc", 127, "No such file"), (str(launcher.work / "data"), 126, "Permission")):
        ended = await launcher.run(str(launcher.launcher), path, "-c", "a.c")
        assert ended.status == status
        assert ended.errors.startswith(f"{path}: {why}")


# --- its surroundings ---------------------------------------------------------------
async def test_the_folder_is_named_as_compilers_name_it(launcher: LauncherBench, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(launcher.work)
    for told, folder in ((str(link), link), ("/", launcher.work), ("link", launcher.work), ("/nowhere", launcher.work)):
        async with launcher.driver().listening() as driver:
            await launcher.run("gcc", "-c", "a.c", variables={"PATH": launcher.path, "PWD": told, **SANITIZED})
        assert driver.calls[0].folder == str(folder)


async def test_a_folder_that_is_gone_has_no_name(launcher: LauncherBench) -> None:
    gone = launcher.work / "gone"
    script = f"mkdir {gone} && cd {gone} && rmdir {gone} && unset PWD && exec -a gcc {launcher.names}/gcc -c a.c"
    async with launcher.driver().listening() as driver:
        ended = await launcher.run("bash", "-c", script, executable="/bin/bash")
    assert (ended.status, ended.output) == (0, "gcc -c a.c\n")
    assert driver.calls[0].folder == ""


@pytest.mark.parametrize("closed", [0, 1, 2])
async def test_no_file_of_ours_takes_the_place_of_a_closed_stream(launcher: LauncherBench, closed: int) -> None:
    launcher.compiler("gcc", f"if [ -e /proc/self/fd/{closed} ]; then exit 9; fi")
    orders = message("P", "text.i", "0", "/bin/echo", "echo", "text"), message("R")
    async with launcher.driver(*orders).listening() as driver:
        assert (await launcher.run("gcc", "-c", "a.c", before=lambda: os.close(closed))).status == 0
    assert [kind for kind, _ in driver.told] == [b"K"]
    assert (launcher.work / "text.i").read_text() == "text\n"


async def test_a_status_is_told_where_the_end_of_children_is_ignored(launcher: LauncherBench) -> None:
    launcher.compiler("gcc", "exit 7")
    async with launcher.driver(message("W")).listening():
        ended = await launcher.run("gcc", before=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN) and None)
    assert ended.status == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("kind", ["P", "W"])
async def test_a_signal_that_ends_the_launcher_reaches_the_compiler(
    launcher: LauncherBench, number: signal.Signals, kind: str
) -> None:
    script = "echo $$ > pid; exec sleep 60"
    launcher.compiler("gcc", script)
    order = message("P", "text.i", "0", "/bin/sh", "sh", "-c", script) if kind == "P" else message("W")
    async with launcher.driver(order, holds=True).listening():
        process = await launcher.start("gcc", "-c", "a.c")
        pid = launcher.work / "pid"
        await comes_true(lambda: pid.exists() and pid.read_text().endswith("\n"))
        process.send_signal(number)
        await process.communicate()
        assert process.returncode == -number
        await comes_true(lambda: not procfs.lives(int(pid.read_text())))


async def test_signals_that_are_ignored_stay_ignored(launcher: LauncherBench) -> None:
    launcher.compiler("gcc", "grep SigIgn /proc/self/status")
    ignored = await launcher.run("gcc", before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None)
    assert int(ignored.output.split()[1], 16) & 1 << (signal.SIGHUP - 1)


async def test_a_long_command_line_and_a_long_environment_arrive(launcher: LauncherBench) -> None:
    words = ("gcc", *(f"-DX{number}={'x' * 90}" for number in range(9000)))
    variables = {"PATH": launcher.path, "LONG": "y" * 100_000, **SANITIZED}
    async with launcher.driver().listening() as driver:
        assert (await launcher.run(*words, variables=variables)).output == f"{' '.join(words)}\n"
    assert driver.calls[0].words == words
    assert driver.calls[0].variables["LONG"] == "y" * 100_000


async def test_a_socket_in_a_folder_with_a_very_long_path_is_no_driver(launcher: LauncherBench, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / "farmhand-build-y"
    variables = {"PATH": f"{launcher.names}:{deep}:{launcher.real}:/bin", **SANITIZED}
    assert await launcher.run("gcc", "-c", "a.c", variables=variables) == ALONE


@pytest.mark.parametrize("called", ["foo", "", "./gcc", "clang"])
async def test_the_callers_name_for_it_does_not_choose_the_compiler(launcher: LauncherBench, called: str) -> None:
    launcher.compiler("gcc", 'echo "this is gcc"')
    async with launcher.driver(message("W")).listening() as driver:
        ended = await launcher.run(called, "-c", "a.c", executable=launcher.names / "gcc")
    assert ended == Ended(0, "this is gcc\n", "")
    assert driver.calls[0].program == str(launcher.real / "gcc")


async def test_standard_input_is_left_for_the_compiler(launcher: LauncherBench) -> None:
    launcher.compiler("gcc", "cat")
    order = message("P", "text.i", "0", "/bin/cat", "cat")
    async with launcher.driver(order, message("R")).listening():
        words = ("sh", "-c", f"echo text | {launcher.names}/gcc -c a.c")
        ended = await launcher.run(*words, executable="/bin/sh")
    assert (ended.output, (launcher.work / "text.i").read_text()) == ("text\n", "")
