"""A farm of mixed compilers: two workstations, one of which has another gcc under the same names. Needs root."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farmhand.distcc.toolchain import title
from tests.fakes.waiting import until
from tests.whole.project import FLAGS, Project, make_project
from tests.whole.stage import Stage, Workstation

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="another gcc is mounted over the real one"),
    pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang"),
]

CLANG_MAKEFILE = f"""\
all: $(patsubst %.c,%.clang.o,$(wildcard *.c))

%.clang.o: %.c
\tclang {FLAGS} -c $< -o $@
"""
IN_PLACE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


def with_another_gcc(folder: Path) -> list[str]:
    """Words before a command that run it where gcc's compiler proper is another file, as the same process."""
    words = ["gcc", "-print-prog-name=cc1"]
    real = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    other = folder / "cc1"
    shutil.copy(real, other)
    with other.open("ab") as file:
        file.write(b"\0")
    return ["unshare", "--mount", "--", "sh", "-c", IN_PLACE, "sh", str(other), real]


class Farm:
    """Two lending workstations and a project to build on them."""

    def __init__(self, stage: Stage, project: Project) -> None:
        self.stage = stage
        self.project = project
        stage.open_registry()
        self.desk = stage.workstation("desk")
        self.odd = stage.workstation("odd", with_another_gcc(stage.folder))
        for station in (self.desk, self.odd):
            station.choose("lend")
            station.wait("lent")
        until(lambda: len(stage.hosts()) == 2, "both are listed")

    def build(self, name: str, *command: str) -> tuple[Path, dict[str, Any], str]:
        """Build; return the folder, the counts, and what was said."""
        folder = self.project.lay_out(self.stage.folder / name)
        (folder / "clang.mk").write_text(CLANG_MAKEFILE)
        summary = folder / "summary.json"
        build = self.stage.build(folder, *command, summary=summary)
        said, _ = build.communicate(timeout=100)
        assert build.returncode == 0, said
        return folder, json.loads(summary.read_text()), said

    def jobs_of(self, station: Workstation) -> list[dict[str, Any]]:
        """What a workstation's journal says of the jobs that it did."""
        told = json.loads(station.say("history", "--json").stdout)
        return list(told["jobs"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("project"), files=16, seed=5)


@pytest.fixture
def farm(project: Project) -> Iterator[Farm]:
    with Stage(display=False) as stage:
        yield Farm(stage, project)


def test_the_registry_tells_the_compilers_apart(farm: Farm) -> None:
    desk, odd = (set(host["toolchains"]) for host in farm.stage.hosts())
    gcc = {one for one in desk | odd if title(one).startswith("gcc ")}
    assert {one for one in desk if title(one).startswith("clang ")} <= odd, "the same clang"
    assert gcc & desk
    assert gcc & odd
    assert not gcc & desk & odd, "not the same gcc"


def test_no_job_for_gcc_reaches_the_host_with_another_one(farm: Farm) -> None:
    folder, counts, said = farm.build("gcc", "make", "-j6")
    assert farm.project.wrong(folder) == []
    assert set(counts["hosts"]) <= {"desk"}, said
    assert farm.jobs_of(farm.desk), "it was asked, though a busy machine may have been overtaken by the builder's own"
    assert counts["lacked"] == {}
    assert farm.jobs_of(farm.odd) == []


def test_one_build_uses_each_host_for_what_it_has(farm: Farm) -> None:
    folder, counts, _ = farm.build("both", "sh", "-c", "make -j6 & make -f clang.mk -j6 && wait $!")
    assert farm.project.wrong(folder) == []
    alone = farm.project.lay_out(farm.stage.folder / "alone")
    (alone / "clang.mk").write_text(CLANG_MAKEFILE)
    subprocess.run(["make", "-j2", "-f", "clang.mk"], cwd=alone, check=True, capture_output=True)
    made = [path.name for path in alone.glob("*.clang.o")]
    assert filecmp.cmpfiles(alone, folder, made, shallow=False)[1:] == ([], [])
    assert counts["total"] == 2 * len(made)
    assert {job["compiler"] for job in farm.jobs_of(farm.odd)} == {"clang"}


def test_what_no_host_has_is_compiled_here_and_said(farm: Farm) -> None:
    farm.desk.choose("keep")
    until(lambda: len(farm.stage.hosts()) == 1, "only the odd one is left")
    folder, counts, said = farm.build("alone-with-gcc", "make", "-j6")
    assert farm.project.wrong(folder) == []
    assert counts["hosts"] == {}
    assert 0 < sum(counts["lacked"].values()) <= counts["total"] == 16, "but for those before the first list of hosts"
    assert "could be compiled here only: no host at hand has this machine's gcc " in said
    assert farm.jobs_of(farm.odd) == []
