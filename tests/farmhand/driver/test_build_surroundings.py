"""Builds where something round them is missing, odd or lost: the command runs all the same."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import signal
import sys
from pathlib import Path

import pytest
from fakes.built_project import Project, ended
from fakes.fake_gate import FakeGate, Manner
from fakes.waiting import comes_true

import farmhand.cli.main

FARMS = [pytest.param("", id="no registry"), pytest.param(None, id="registry")]
ALONE = "farmhand: building on this machine only: "


# --- signals ----------------------------------------------------------------
@pytest.mark.parametrize("farm", FARMS)
async def test_ctrl_c_in_a_terminal_ends_everything(project: Project, farm: str | None) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        "setsid", "--ctty", *project.words("sh", "-c", "touch up & exec sleep 60", farm=farm),
        cwd=project.folder, env=project.environ(), stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    await comes_true((project.folder / "up").exists)
    os.write(ours, b"\x03")
    status = await asyncio.wait_for(process.wait(), 30)
    os.close(ours)
    assert status == 130
    assert project.left_behind() == []


@pytest.mark.parametrize("farm", FARMS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_driver_alone_is_passed_on(
    project: Project, number: signal.Signals, farm: str | None
) -> None:
    process = await project.start("sh", "-c", "touch up; exec sleep 60", farm=farm, start_new_session=True)
    await comes_true((project.folder / "up").exists)
    process.send_signal(number)
    assert (await ended(process)).status == 128 + number
    assert project.left_behind() == []


@pytest.mark.parametrize("farm", FARMS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
async def test_a_signal_that_is_ignored_stays_so_for_the_command(
    project: Project, number: signal.Signals, farm: str | None
) -> None:
    process = await project.start(
        "sh", "-c", "touch up; grep SigIgn /proc/self/status; read line; exit 7",
        farm=farm, stdin=-1, before=lambda: signal.signal(number, signal.SIG_IGN) and None,
    )  # fmt: skip
    await comes_true((project.folder / "up").exists)
    process.send_signal(number)
    assert process.stdin
    process.stdin.write(b"go on\n")
    built = await ended(process)
    assert built.status == 7
    assert int(built.output.split()[1], 16) & 1 << (number - 1)


@pytest.mark.parametrize("farm", FARMS)
async def test_the_status_is_known_where_the_end_of_children_is_ignored(project: Project, farm: str | None) -> None:
    ignoring = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN) and None  # noqa: E731
    assert (await project.build("sh", "-c", "exit 7", farm=farm, before=ignoring)).status == 7


async def test_a_build_goes_on_when_its_driver_is_killed(tmp_path: Path) -> None:
    project = Project(tmp_path, files=6)
    expected = project.alone()
    gate = FakeGate(manner=Manner.SILENT_AFTER_ADMISSION, speed=9.0)
    async with gate.open():
        project.offer(gate)
        process = await project.start("sh", "-c", "make -j2; echo $? > ended")
        await comes_true(lambda: gate.tickets)
        process.kill()
        told = project.folder / "ended"
        await comes_true(lambda: told.exists() and told.read_text() == "0\n")
        assert project.objects() == expected
        await ended(process)


# --- folders -------------------------------------------------------------------
@pytest.mark.parametrize("farm", FARMS)
async def test_a_current_folder_that_is_gone_is_the_commands_business(project: Project, farm: str | None) -> None:
    gone = project.folder / "gone"
    gone.mkdir()
    built = await project.build(
        "sh", "-c", "gcc --version > /dev/null && exit 7", farm=farm, cwd=gone, before=gone.rmdir
    )
    assert built.status == 7


@pytest.mark.parametrize("name", ["XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"])
@pytest.mark.parametrize("folder", ["file", "a:b"])
async def test_a_folder_of_the_user_that_cannot_be_used_costs_nothing(
    project: Project, name: str, folder: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    expected = project.alone()
    built = await project.build("make", variables={name: str(tmp_path / folder)})
    assert (built.status, project.objects(), project.counts()["total"]) == (0, expected, 3)


@pytest.mark.parametrize("where", ["file", "missing", "long", "a:b"])
async def test_temporary_files_go_elsewhere_where_they_cannot_lie(
    project: Project, distccd: int, where: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "a:b").mkdir()
    folder = tmp_path / (where if where != "long" else "/".join(["long" * 20] * 6))
    if where == "long":
        folder.mkdir(parents=True)
    async with FakeGate(distccd).open() as gate:
        project.offer(gate)
        built = await project.build("make", variables={"TMPDIR": str(folder)})
    assert (built.status, len(built.lines), project.counts()["total"]) == (0, 1, 3)


async def test_temporary_files_that_are_removed_cost_only_the_farms_help(project: Project, distccd: int) -> None:
    expected = project.alone()
    async with FakeGate(distccd).open() as gate:
        project.offer(gate)
        built = await project.build("sh", "-c", f"rm -rf {project.temporary}/*; exec make")
    assert (built.status, project.objects()) == (0, expected)
    assert built.lines[0].startswith("farmhand: no compiler was called through Farmhand")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
async def test_without_any_place_for_temporary_files_the_build_runs(project: Project) -> None:
    """`tempfile` tries the current folder last, so that is read-only, too; the objects go to /dev/shm."""
    script = (
        f"for folder in /tmp /var/tmp {project.folder}; do\n"
        "mount --bind $folder $folder; mount -o remount,bind,ro $folder\n"
        "done\n"
        'cd . && exec "$@"'
    )
    outside = Path("/dev/shm") / project.folder.parent.name
    shutil.copytree(project.folder.parent, outside)
    try:
        moved = Project.__new__(Project)
        moved.folder, moved.temporary = outside / "project", Path("/tmp")
        moved.hosts, moved.summary = outside / "hosts", outside / "summary.json"
        script = script.replace(str(project.folder), str(moved.folder))
        process = await asyncio.create_subprocess_exec(
            "unshare", "--mount", "sh", "-c", script, "sh", *moved.words("sh", "-c", "exit 7"),
            cwd=moved.folder, env=moved.environ(XDG_DATA_HOME=f"{outside}/data", XDG_CACHE_HOME=f"{outside}/cache"),
            stdout=-1, stderr=-1,
        )  # fmt: skip
        built = await ended(process)
    finally:
        shutil.rmtree(outside)
    assert built.status == 7, built.errors
    assert built.lines[0].startswith(ALONE)


async def test_without_a_compiler_for_the_launcher_the_build_runs(project: Project, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "make", "env"):
        (tools / name).symlink_to(shutil.which(name) or "")
    for name in ("gcc", "cc"):
        (tools / name).write_text("#!/bin/sh\nexit 3\n")
        (tools / name).chmod(0o755)
    variables = {"PATH": str(tools), "XDG_DATA_HOME": str(tmp_path / "fresh")}
    built = await project.build("sh", "-c", "gcc; exit $(($? + 4))", variables=variables)
    assert built.status == 7
    assert built.lines == [
        f"{ALONE}no compiler in PATH can compile the launcher that Farmhand puts in front of compilers"
    ]


# --- the command line program ---------------------------------------------------
async def test_a_settings_file_that_is_wrong_is_told_and_done_without(project: Project, tmp_path: Path) -> None:
    (tmp_path / "config" / "farmhand").mkdir(parents=True)
    (tmp_path / "config" / "farmhand" / "farmhand.toml").write_text("slots = 'many'\n")
    environ = project.environ(XDG_CONFIG_HOME=str(tmp_path / "config"), XDG_RUNTIME_DIR=str(tmp_path / "hosts"))
    for closed, lines in (("", 2), ("2>&-", 0), ("2>/dev/full", 0)):
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, farmhand.cli.main.__file__,
            "build", "sh", "-c", "exit 7",
            cwd=project.folder, env=environ, stdout=-1, stderr=-1,
        )  # fmt: skip
        built = await ended(process)
        assert (built.status, built.output, len(built.lines)) == (7, "", lines), built.errors
        if lines:
            assert "slots" in built.lines[0]
            assert built.lines[0].endswith("; building without it")
