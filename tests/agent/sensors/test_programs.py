"""Programs that want the machine for themselves, among real processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fakes import procfs
from fakes.listener import Listener, watching
from fakes.marked import marked
from fakes.waiting import comes_true

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.programs import FEW, FULL, YOUNG, Programs
from farmhand_agent.traces import marks

GAME = f"t{os.getpid()}-farmhand-quake"
"""No other program here is called so, and the kernel keeps 15 letters of it."""
GAMING = Settings(exclusive=("no-such-program", GAME))


async def soon(_: float) -> None:
    """Wait less than five seconds."""
    await asyncio.sleep(0.02)


def start(*command: str) -> subprocess.Popen[bytes]:
    """Run a program."""
    return subprocess.Popen(command)


@pytest.fixture
def game(tmp_path: Path) -> str:
    program = tmp_path / GAME
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    return str(program)


async def test_a_game_begins_and_ends(game: str) -> None:
    sensor = Programs(GAMING, pause=soon)
    assert sensor.unusable() is None
    async with watching(sensor) as heard:
        await heard.until_seen(exclusive="")
        playing = start(game, "60")
        await heard.until_seen(exclusive=GAME)
        playing.kill()
        playing.wait()
        await heard.until_seen(exclusive="")


async def test_what_runs_in_a_box_without_namespaces_is_not_the_owners(game: str) -> None:
    with marked(marks.new_mark(), game, "60") as inside:
        await comes_true(lambda: procfs.name(inside.pid) == GAME[:15])
        async with watching(Programs(GAMING, pause=soon)) as heard:
            await heard.until_seen(exclusive="")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a pid namespace without a user namespace")
async def test_what_runs_in_a_container_is_not_the_owners(game: str) -> None:
    inside = start("unshare", "--pid", "--fork", "--kill-child", game, "60")
    try:
        await comes_true(lambda: GAME[:15] in map(procfs.name, procfs.children(inside.pid)))
        async with watching(Programs(GAMING, pause=soon)) as heard:
            await heard.until(lambda: heard.readings == [{"exclusive": ""}])
    finally:
        inside.kill()
        inside.wait()


def proc(root: Path, **processes: str) -> Path:
    for number, comm in processes.items():
        folder = root / number.removeprefix("p")
        folder.mkdir()
        if comm:
            (folder / "status").write_text(f"Name:\t{comm}\nState:\tS (sleeping)\nNSpid:\t{folder.name}\n")
            (folder / "comm").write_text(comm + "\n")
    return root


async def first_word(root: Path) -> str:
    heard = Listener()
    watch = asyncio.create_task(Programs(GAMING, root, soon).watch(heard.report))
    await heard.until(lambda: bool(heard.readings))
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    return str(heard.seen.exclusive)


async def test_a_process_that_ends_while_we_look(tmp_path: Path) -> None:
    assert await first_word(proc(tmp_path, self="farmhand", p7="", p8=GAME[:15])) == GAME
    (tmp_path / "8/status").unlink()
    assert await first_word(tmp_path) == ""


OLD = 20


class Birth:
    """A proc in which processes are born, become other programs and end, between the looks of a sensor.

    The numbers from `OLD` to 100 had been given before; one below `OLD` begins the count anew.

    Attributes:
        told: what was reported, by looks.
    """

    def __init__(self, root: Path, **at_looks: dict[int, str]) -> None:
        self.root = root
        self.told: dict[int, str] = {}
        self._acts = {int(look.removeprefix("look")): names for look, names in at_looks.items()}
        self._look = 0
        self._latest = 100
        self._live({})

    def _live(self, names: dict[int, str]) -> None:
        for pid, name in names.items():
            shutil.rmtree(self.root / str(pid), ignore_errors=True)
            if name:
                proc(self.root, **{f"p{pid}": name})
            self._latest = pid if pid > self._latest or pid < OLD else self._latest
        (self.root / "loadavg").write_text(f"0.1 0.1 0.1 1/100 {self._latest}\n")

    async def pause(self, _: float) -> None:
        if self._look == FULL + 5:
            raise asyncio.CancelledError
        self._look += 1
        self._live(self._acts.get(self._look, {}))

    def report(self, reading: Reading) -> None:
        self.told[self._look] = reading.values["exclusive"]


async def told(root: Path, **at_looks: dict[int, str]) -> dict[int, str]:
    birth = Birth(root, **at_looks)
    with pytest.raises(asyncio.CancelledError):
        await Programs(GAMING, root, birth.pause).watch(birth.report)
    return birth.told


SHORT = GAME[:15]


async def test_a_new_process_is_seen_at_the_next_look(tmp_path: Path) -> None:
    assert await told(tmp_path, look2={103: SHORT}, look5={103: ""}) == {0: "", 2: GAME, 5: ""}


async def test_a_young_process_may_yet_become_a_game(tmp_path: Path) -> None:
    young = {"look2": {102: "sh"}, f"look{1 + YOUNG}": {102: SHORT}}
    assert await told(tmp_path, **young) == {0: "", 1 + YOUNG: GAME}


async def test_an_old_process_that_becomes_a_game_is_seen_at_the_next_full_look(tmp_path: Path) -> None:
    assert await told(tmp_path, look1={50: "sh"}, look3={50: SHORT}) == {0: "", FULL: GAME}


async def test_after_the_end_of_a_game_all_are_looked_at(tmp_path: Path) -> None:
    acts = {"look1": {50: SHORT, 101: SHORT}, "look4": {101: ""}, "look6": {50: ""}}
    assert await told(tmp_path, **acts) == {0: "", 1: GAME, 6: ""}


async def test_numbers_that_begin_anew(tmp_path: Path) -> None:
    assert await told(tmp_path, look3={50: SHORT, OLD - 1: "sh"}) == {0: "", 3: GAME}


async def test_of_many_births_the_list_of_processes_tells_who_lives(tmp_path: Path) -> None:
    many = {"look1": {50: SHORT, 101 + FEW: "sh"}, "look3": {102 + FEW: SHORT, 103 + 2 * FEW: "sh"}}
    assert await told(tmp_path, **many) == {0: "", 3: GAME}, "an old one is no newcomer"


async def test_no_proc(tmp_path: Path) -> None:
    assert Programs(Settings()).unusable() == "the setting exclusive names no program"
    sensor = Programs(GAMING, tmp_path)
    assert sensor.unusable() == f"{tmp_path} is no proc"
    with pytest.raises(SenseLost, match="No such file"):
        await Programs(GAMING, tmp_path / "gone").watch(lambda _: None)
