"""A machine that allows no user namespaces lends all the same, and says what is weaker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.hardened import HARDENED, why_not
from tests.fakes.procfs import parent
from tests.fakes.waiting import until
from tests.whole.project import Project, make_project
from tests.whole.scene import Scene, kill_all
from tests.whole.stage import Stage, boxed

pytestmark = pytest.mark.skipif(why_not() != "", reason=why_not() or "-")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("project") / "reference", files=24, seed=5)


@pytest.fixture
def scene(project: Project) -> Iterator[Scene]:
    with Stage() as stage:
        stage.open_registry()
        made = Scene(stage, project)
        made.add("hardened", HARDENED)
        yield made
        kept = folders(made)
        made.leaves_nothing()
        assert not any(map(Path.exists, kept))


def folders(scene: Scene) -> list[Path]:
    """What the boxes of the host keep their files in, by its own record."""
    record = json.loads((scene.first.folder / "run" / "farmhand" / "boxes.json").read_text())
    return [Path(trace["folder"]) for trace in record["traces"]]


def test_it_says_which_sandbox_it_has_and_what_is_weaker(scene: Scene) -> None:
    (line,) = [line for line in scene.first.say("status").stdout.splitlines() if line.startswith("sandbox: ")]
    assert line.startswith("sandbox: Landlock (weaker: jobs can tell that")
    assert "bubblewrap would be stronger: bubblewrap cannot make a sandbox here" in line
    told = scene.first.say("doctor", check=False).stdout
    assert "sandbox: Landlock; weaker: " in " ".join(told.split())


def test_a_build_on_it_has_the_right_objects(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    build.ends_well()


def test_the_owner_has_it_back_at_once_while_it_compiles(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    scene.take_back(scene.first)
    build.ends_well()


def test_a_killed_agent_leaves_nothing_and_lends_again(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    foreign, kept = boxed(scene.first.pid), folders(scene)
    assert foreign
    assert kept
    scene.first.stop(signal.SIGKILL)
    until(lambda: not foreign & boxed(), "no box survives")
    until(lambda: not any(map(Path.exists, kept)), "no files survive")
    scene.first.start()
    scene.first.wait("lent")
    build.ends_well()


def test_what_a_crash_of_everything_left_is_cleared_by_the_next_start(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    foreign, kept = boxed(scene.first.pid), folders(scene)
    wards = set(map(parent, foreign)) - foreign - {0, 1, os.getpid()}
    kill_all({scene.first.pid, *wards}, signal.SIGSTOP)
    kill_all({scene.first.pid, *wards})
    assert scene.first.process is not None
    scene.first.process.wait()
    assert any(map(Path.exists, kept)), "nobody was left to tidy up"
    scene.first.start()
    until(lambda: not boxed() & foreign, "what was left is ended")
    scene.first.wait("lent")
    assert "had left" in scene.first.log.read_text()
    build.ends_well()


COMPILERS = (
    "gcc -O2",
    "gcc -O2 -g",
    "g++ -O1 -frecord-gcc-switches",
    "gcc -gsplit-dwarf -g",
    "clang -O2",
    "clang++ -O0",
)


def test_objects_are_the_same_to_the_byte(scene: Scene) -> None:
    """Those of the same preprocessed source, as distcc sends it."""
    folder = scene.stage.folder / "same"
    folder.mkdir()
    environ = {**scene.stage.environ, "DISTCC_DIR": str(folder), "DISTCC_FALLBACK": "0"}
    environ["DISTCC_HOSTS"] = f"{scene.first.environ['FARMHAND_GATE']}/2"
    for compiler in COMPILERS:
        source = f"a.{'ii' if '++' in compiler else 'i'}"
        (folder / source).write_text(
            '# 1 "a.c"\n# 1 "/src//"\n# 1 "a.c"\n'
            "int one(int x) { return x + 1; }\nint two(int x) { return one(x) * 2; }\n"
        )
        command = [*compiler.split(), "-c", source, "-o"]
        subprocess.run([*command, "here.o"], cwd=folder, env=environ, check=True)
        subprocess.run(["distcc", *command, "there.o"], cwd=folder, env=environ, check=True)
        if "-gsplit-dwarf" not in compiler:  # which writes the object's own name into it
            assert (folder / "here.o").read_bytes() == (folder / "there.o").read_bytes(), compiler


def test_who_wants_bubblewrap_or_nothing_gets_nothing(project: Project) -> None:
    with Stage() as stage:
        station = stage.workstation("strict", HARDENED, sandbox="bubblewrap", lend="always")
        trouble = until(lambda: station.status().get("trouble"), "it says why it does not lend")
        assert trouble.startswith("bubblewrap: bubblewrap cannot make a sandbox here (bwrap: ")
        assert station.status()["state"] == "kept"
