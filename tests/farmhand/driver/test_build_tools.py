"""Builds with other tools in front of compilers or round them: ccache, distcc, pump, env, CMake, a build in a build."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fakes.built_project import Built, Project, ended
from fakes.fake_gate import FakeGate

COMPILE = "gcc -O2 -c f0.c -o f0.o"


async def _build(project: Project, distccd: int, *command: str, **variables: str) -> Built:
    """Build with the help of one host."""
    async with FakeGate(distccd).open() as gate:
        project.offer(gate)
        return await project.build(*command, variables=variables)


async def _alone(project: Project, *command: str) -> Built:
    """Run a command outside of a build."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=project.folder, env=project.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    return await ended(process)


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        (f'env -i PATH="$PATH" {COMPILE}', 1),
        (f'PATH="/opt/bin:$PATH" {COMPILE}', 1),
        (f'PATH="/opt/bin:${{PATH#*:}}" {COMPILE}', 0),
        (f"PATH=/usr/bin:/bin {COMPILE}", 0),
        (f"unset FARMHAND_SESSION; {COMPILE}", 1),
    ],
)
async def test_a_command_may_change_its_environment(project: Project, distccd: int, script: str, seen: int) -> None:
    expected = project.alone()["f0.o"]
    built = await _build(project, distccd, "sh", "-c", script)
    assert (built.status, project.objects()) == (0, {"f0.o": expected})
    assert project.counts()["total"] == seen


@pytest.mark.parametrize("path", ["usual", "ccache first", "distcc first"])
@pytest.mark.parametrize("front", ["gcc", "ccache gcc", "ccache distcc gcc", "distcc gcc", "distcc"])
@pytest.mark.parametrize("prefix", [None, "distcc"])
async def test_ccache_and_distcc_may_stand_in_front(
    project: Project, distccd: int, tmp_path: Path, path: str, front: str, prefix: str | None
) -> None:
    expected = project.alone()["f0.o"]
    folder = {"usual": "", "ccache first": "/usr/lib/ccache:", "distcc first": "/usr/lib/distcc:"}[path]
    variables = {"PATH": f"{folder}/usr/bin:/bin", "CCACHE_DIR": str(tmp_path / "ccache")}
    variables |= {"CCACHE_PREFIX": prefix} if prefix else {}
    built = await _build(project, distccd, "sh", "-c", f"{front} -O2 -c f0.c -o f0.o", **variables)
    assert (built.status, project.objects()) == (0, {"f0.o": expected}), built.errors
    if front != "distcc":
        assert (project.counts()["total"], len(built.lines)) == (1, 1), built.errors
    project.clean()
    again = await _build(project, distccd, "sh", "-c", f"{front} -O2 -c f0.c -o f0.o", **variables)
    assert (again.status, project.objects()) == (0, {"f0.o": expected})
    if "ccache" in front:
        assert project.counts()["total"] == 0, "the cache has it"


async def test_ccache_works_where_the_launchers_path_has_a_blank(
    project: Project, distccd: int, tmp_path: Path
) -> None:
    variables = {"XDG_DATA_HOME": str(tmp_path / "a b"), "CCACHE_DIR": str(tmp_path / "ccache")}
    built = await _build(project, distccd, "ccache", *COMPILE.split(), **variables)
    assert (built.status, len(project.objects())) == (0, 1)
    plain = await _build(project, distccd, *COMPILE.split(), **variables)
    assert (plain.status, project.counts()["total"]) == (0, 1)


@pytest.mark.parametrize("pump", ["pump", "/usr/bin/pump"])
async def test_pump_mode_is_left_out_and_it_is_said(project: Project, distccd: int, pump: str) -> None:
    built = await _build(project, distccd, pump, "make")
    assert (built.status, project.counts()["total"]) == (0, 3)
    assert built.lines[0] == "farmhand: pump mode is not used: make runs without it"
    assert project.counts()["jobs"] > 0


@pytest.mark.parametrize("name", ["pump", "distcc-pump"])
async def test_pump_mode_inside_a_build_is_left_out_too(
    project: Project, distccd: int, tmp_path: Path, name: str
) -> None:
    pump = tmp_path / name
    pump.write_text("#!/bin/sh\nexit 99\n")
    pump.chmod(0o755)
    script = f"eval `{name} --startup`; {name} make; status=$?; {name} --shutdown && exit $status"
    built = await _build(project, distccd, "sh", "-c", script, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (built.status, project.counts()["total"]) == (0, 3)
    assert "farmhand: pump mode is not used: make runs without it" in built.lines


@pytest.mark.parametrize("inner", ["", None], ids=["without a registry", "with one"])
async def test_a_build_in_a_build_stands_alone(
    project: Project, distccd: int, tmp_path: Path, inner: str | None
) -> None:
    (tmp_path / "inner").mkdir()
    other = Project(tmp_path / "inner")
    other.folder, expected = project.folder, project.alone()
    async with FakeGate(distccd).open() as gate:
        other.offer(gate)
        built = await _build(project, distccd, "sh", "-c", f'{COMPILE} && "$@"', "sh", *other.words("make", farm=inner))
    assert built.status == 0, built.errors
    assert project.objects() == expected
    assert project.counts()["total"] == 1, "the outer build has seen its own compile only"
    assert other.counts()["total"] == (2 if inner is None else 0)
    assert project.left_behind() == other.left_behind() == []


async def test_a_tree_that_cmake_configures_in_a_build_knows_the_real_compilers(project: Project, distccd: int) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    (project.folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(p C)\nadd_library(p STATIC f0.c f1.c f2.c)\n"
    )
    configured = await _build(project, distccd, "cmake", "-S", ".", "-B", "tree")
    assert configured.status == 0, configured.errors
    cache = (project.folder / "tree" / "CMakeCache.txt").read_text()
    assert "CMAKE_C_COMPILER:FILEPATH=/usr/bin/" in cache
    built = await _build(project, distccd, "cmake", "--build", "tree")
    assert (built.status, project.counts()["total"]) == (0, 3), built.errors
    (project.folder / "f0.c").write_text("int changed;\n")
    assert (await _alone(project, "cmake", "--build", "tree")).status == 0, "a tree of a build works without one"


async def test_a_compiler_that_a_tree_has_noted_by_its_path_works_without_a_build(
    project: Project, distccd: int
) -> None:
    noted = (await _build(project, distccd, "sh", "-c", "command -v gcc")).output.strip()
    assert noted.startswith(os.environ["XDG_DATA_HOME"])
    for words in ([noted], ["/bin/env", "-i", noted]):
        assert await _alone(project, *words, "-c", "f0.c") == Built(0, "", "")
    again = await _build(project, distccd, noted, "-c", "f0.c")
    assert (again.status, project.counts()["total"]) == (0, 1)
