"""The fault matrix: real builds on a real farm in which something breaks. See `docs/reliability.md`.

`pytest tests/whole/test_faults.py` also writes what was measured to `.cache/faults.md`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.waiting import until
from tests.whole.clocks import WallClock, clock_jumps_a_day
from tests.whole.faults import FAULTS, Fault, disk, state_folder_full
from tests.whole.network import Network
from tests.whole.project import Project, make_project
from tests.whole.scene import Scene, milliseconds_until
from tests.whole.stage import Stage

REPORT = Path(__file__).resolve().parents[2] / ".cache" / "faults.md"
SEED = 11

Projects = Callable[..., Project]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Projects:
    """Make projects of 60 files with such a pause; each is compiled for reference only once."""
    made: dict[float, Project] = {}

    def make(pause: float = 0) -> Project:
        if pause not in made:
            made[pause] = make_project(tmp_path_factory.mktemp("project"), 60, SEED, pause=pause)
        return made[pause]

    return make


@pytest.fixture(scope="module")
def outcomes() -> Iterator[list[str]]:
    """Lines of the report."""
    lines: list[str] = []
    yield lines
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(["| fault | outcome | seconds |", "|---|---|---|", *lines, ""]))


def tell(outcomes: list[str], name: str, scene: Scene) -> None:
    """Write one line of the report."""
    outcomes.append(f"| {name} | {'; '.join(scene.said)} | {time.monotonic() - scene.begun:.1f} |")
    print(outcomes[-1])


@pytest.mark.parametrize(("name", "fault"), FAULTS.items(), ids=list(FAULTS))
def test_the_build_ends_well_and_nothing_stays_behind(
    name: str, fault: Fault, projects: Projects, outcomes: list[str]
) -> None:
    project = projects(fault.pause)
    with Stage(display=False) as stage:
        stage.open_registry()
        scene = Scene(stage, project)
        scene.add_all({"first": fault.settings} if fault.alone else {"first": fault.settings, "second": {}})
        fault.play(scene)
        scene.leaves_nothing()
    tell(outcomes, name, scene)


def test_an_agent_lends_and_gives_back_when_its_disk_is_full(projects: Projects, outcomes: list[str]) -> None:
    with Stage(display=False) as stage:
        stage.open_registry()
        scene = Scene(stage, projects())
        state = stage.folder / "first" / "state"
        state.mkdir(parents=True)
        scene.add("first", before=disk(state, "256k"))
        state_folder_full(scene)
        scene.leaves_nothing()
    tell(outcomes, "state folder full", scene)


def test_a_clock_that_jumps_by_days_lends_nothing_and_ends_no_build(projects: Projects, outcomes: list[str]) -> None:
    with Stage(display=False) as stage:
        stage.open_registry()
        scene, clock = Scene(stage, projects()), WallClock(stage.folder)
        scene.add("first", before=clock.before)
        scene.add("second")
        clock_jumps_a_day(scene, clock)
        scene.leaves_nothing()
    tell(outcomes, "clock jumps a day and more", scene)


def test_the_second_of_two_agents_with_one_name_is_told_so_and_the_first_keeps_it(
    projects: Projects, outcomes: list[str]
) -> None:
    with Stage(display=False) as stage:
        stage.open_registry()
        scene = Scene(stage, projects())
        first = scene.add("first")
        twin = stage.workstation("twin", lend="never", name="first")
        twin.choose("lend")
        until(lambda: twin.status()["registry_trouble"], "the twin is refused")
        scene.said.append(twin.status()["registry_trouble"])
        told = scene.build().ends_well()
        assert set(told["hosts"]) <= {"first"}
        assert [host["port"] for host in stage.hosts()] == [scene.gate[1]]
        twin.choose("keep")
        twin.wait("kept")
        assert first.status()["state"] == "lent"
        assert [host["port"] for host in stage.hosts()] == [scene.gate[1]], "who never had the name cannot withdraw it"
        scene.leaves_nothing()
    tell(outcomes, "two agents with one name", scene)


def test_a_host_whose_network_breaks_is_off_the_list_and_the_build_goes_on(
    projects: Projects, outcomes: list[str]
) -> None:
    with Network("hub", "remote") as network, Stage(display=False) as stage:
        stage.before = network.inside("hub")
        stage.open_registry(network.address("hub"))
        scene = Scene(stage, projects())
        scene.add("remote", network.inside("remote"), gate=f"{network.address('remote')}:3632")
        scene.add("near", network.inside("hub"), gate=f"{network.address('hub')}:3632")
        build = scene.build()
        build.reach_the_middle()
        network.unplug("remote")
        began = time.monotonic()
        took = milliseconds_until(lambda: [host["name"] for host in stage.hosts()] == ["near"], "off the list")
        scene.measured("off the list", took / 1e3, 20, "s")
        build.ends_well()
        scene.measured("build ended", time.monotonic() - began, 60, "s")
        network.plug_in("remote")
        took = milliseconds_until(lambda: len(stage.hosts()) == 2, "it is back")
        scene.measured("back", took / 1e3, 20, "s")
        until(lambda: not scene.first.status()["jobs"], "the host ends what nobody waits for")
        scene.build().ends_well()
        scene.leaves_nothing()
    tell(outcomes, "partition", scene)
