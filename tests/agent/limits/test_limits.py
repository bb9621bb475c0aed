"""How an agent gets its control group, what it says when it gets none, and what it leaves."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from fakes.cgroups import fake_group, real_group, why_no_real_ones
from fakes.waiting import until

from farmhand_agent.limits.cgroup import Cgroup
from farmhand_agent.limits.enclosure import Cell, NoCell
from farmhand_agent.limits.limits import NO_MANAGER, NO_TREE, Bounds, Limits, Remains
from farmhand_agent.traces.leftovers import identify

BOUNDS = Bounds(512, 100)


class Machine:
    """A machine that mounts its control groups where the test says.

    Attributes:
        tree: where they are.
        own: the group that this process is in.
    """

    def __init__(self, folder: Path, systemd: bool = False, own: str = "/own") -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.own = self.tree / own.lstrip("/")
        self.own.mkdir(parents=True)
        self._systemd = systemd
        (folder / "proc/self").mkdir(parents=True)
        (folder / "proc/self/mountinfo").write_text(f"31 29 0:27 / {self.tree} rw - cgroup2 cgroup2 rw\n")
        (folder / "proc/self/cgroup").write_text(f"0::{own}\n")
        (folder / "run").mkdir()
        if systemd:
            (folder / "run/systemd/system").mkdir(parents=True)

    def top(self, controllers: str = "cpu memory pids") -> Cgroup:
        """The group that the agent will make, as a kernel with these controllers would fill it."""
        top = fake_group(self.own / "farmhand-7-ours", controllers)
        fake_group(top.folder / "boxes", controllers)
        return top

    def limits(self) -> Limits:
        proc, run = self.folder / "proc", self.folder / "run"
        return Limits(BOUNDS, self.folder / "cgroup.json", {}, proc, run, root=False, life="7-ours")

    async def close(self, limits: Limits) -> None:
        """Let the agent end; no kernel is here that would remove what is only like a group."""
        shutil.rmtree(self.own)
        await limits.close()


@pytest.fixture
async def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def test_without_systemd_a_group_of_ones_own_is_used(machine: Machine) -> None:
    top = machine.top()
    limits = machine.limits()
    await limits.establish()
    assert limits.told == "512 MiB of memory and 100 processes for all jobs together, by a control group"
    assert (limits.counted, limits.process_mib(await limits.cell()), limits.memory_mib) == (True, 0, 512)
    assert top.child("boxes").read("memory.max") == str(512 << 20)
    limits.adopt(Bounds(256, 100))
    assert top.child("boxes").read("memory.max") == str(256 << 20)
    assert limits.told.startswith("256 MiB")
    await machine.close(limits)


@pytest.mark.parametrize(
    ("controllers", "told", "counted"),
    [
        ("cpu memory", "512 MiB of memory for all jobs together, by a control group", True),
        ("cpu pids", "512 MiB of memory for each process only: the control group has no controllers for memory", False),
        (
            "",
            "512 MiB of memory for each process only: the control group has no controllers for cpu, memory, pids",
            False,
        ),
    ],
)
async def test_what_a_group_cannot_bound_is_told(machine: Machine, controllers: str, told: str, counted: bool) -> None:
    machine.top(controllers)
    limits = machine.limits()
    await limits.establish()
    assert limits.told == told
    assert limits.counted is counted
    assert limits.process_mib(await limits.cell()) == (0 if counted else 512)
    await machine.close(limits)


async def test_a_box_that_gets_no_cell_is_held_to_its_memory_all_the_same(machine: Machine) -> None:
    (machine.top().folder / "boxes/1").touch()  # so the kernel refuses to make a group of that name
    limits = machine.limits()
    await limits.establish()
    cell = await limits.cell()
    assert isinstance(cell, NoCell)
    assert limits.counted
    assert limits.process_mib(cell) == 512
    await machine.close(limits)


async def test_a_kernel_without_them_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "proc/self/mountinfo").write_text("")
    limits = machine.limits()
    await limits.establish()
    assert limits.told == f"512 MiB of memory for each process only: {NO_TREE}"
    assert isinstance(await limits.cell(), NoCell)
    await limits.close()


async def test_a_group_that_is_not_ours_is_told(machine: Machine) -> None:
    machine.own.rmdir()
    limits = machine.limits()
    await limits.establish()
    assert "the control group /own is not this user's (No such file or directory)" in limits.told
    await limits.close()


async def test_a_systemd_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    limits = Machine(tmp_path, systemd=True).limits()
    await limits.establish()
    assert limits.told.endswith(NO_MANAGER)
    await limits.close()


async def test_a_systemd_that_does_not_answer_leaves_no_keeper(tmp_path: Path) -> None:
    machine = Machine(tmp_path, systemd=True)
    environ = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/nothing"}
    limits = Limits(BOUNDS, tmp_path / "cgroup.json", environ, machine.folder / "proc", machine.folder / "run", False)
    await limits.establish()
    assert "there is no message bus" in limits.told
    await limits.close()


async def test_guarded_boxes_die_with_the_agent_until_they_are_forgotten(tmp_path: Path) -> None:
    sleepers = [sleeper() for _ in range(2)]
    known = [identify(one.pid) for one in sleepers]
    assert known[0] is not None
    assert known[1] is not None
    limits = Machine(tmp_path, systemd=True).limits()
    await limits.establish()
    limits.guard([known[0], known[1]])
    limits.forget([known[1]])
    await limits.establish()
    assert sleepers[0].poll() is None, "another group is no reason to end a box"
    await limits.close()
    assert sleepers[0].wait(30) == -9
    assert sleepers[1].poll() is None
    sleepers[1].kill()
    sleepers[1].wait()


# --- the real kernel --------------------------------------------------------
needs_groups = pytest.mark.skipif(bool(why_no_real_ones()), reason=why_no_real_ones() or "-")


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Limits]:
    """Limits on this very machine, as if it had no systemd."""
    limits = Limits(BOUNDS, tmp_path / "cgroup.json", run=tmp_path)
    await limits.establish()
    yield limits
    await limits.close()


@needs_groups
async def test_nothing_is_left_after_a_clean_end(real: Limits, tmp_path: Path) -> None:
    cell = await real.cell()
    assert isinstance(cell, Cell)
    top = cell.group.folder.parents[1]
    await real.close()
    assert not top.exists()
    assert not (tmp_path / "cgroup.json").exists()


@needs_groups
async def test_a_group_that_somebody_removed_is_made_anew(real: Limits) -> None:
    first = await real.cell()
    assert isinstance(first, Cell)
    assert Cgroup(first.group.folder.parents[1]).remove()
    second = await real.cell()
    assert isinstance(second, Cell)
    assert second.group.has("cgroup.procs")


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"])


def recorded(*groups: Remains) -> bytes:
    """A record as an earlier life would have left it."""
    return msgspec.json.encode({"groups": groups})


def names(file: Path) -> list[str]:
    """The groups that a record names."""
    return [one["folder"] for one in msgspec.json.decode(file.read_bytes())["groups"]]


@needs_groups
async def test_two_agents_with_the_same_pid_have_a_group_each(tmp_path: Path) -> None:
    lives = [Limits(BOUNDS, tmp_path / f"{name}.json", run=tmp_path) for name in "ab"]
    for one in lives:
        await one.establish()
    assert len({*names(tmp_path / "a.json"), *names(tmp_path / "b.json")}) == 2
    for one in lives:
        await one.close()


async def test_a_group_that_does_not_go_stays_on_record_until_it_does(machine: Machine, tmp_path: Path) -> None:
    stubborn = fake_group(tmp_path / "farmhand-6-earlier")
    record = tmp_path / "cgroup.json"
    record.write_bytes(recorded(Remains(str(stubborn.folder), stubborn.folder.stat().st_ino)))
    own = machine.top()
    limits = machine.limits()
    await limits.establish()
    assert names(record) == [str(stubborn.folder), str(own.folder)]
    await limits.close()
    assert names(record) == [str(stubborn.folder), str(own.folder)], "files of no kernel's: neither can be removed"
    shutil.rmtree(stubborn.folder)
    shutil.rmtree(own.folder)
    await limits.establish()
    shutil.rmtree(machine.own)
    await limits.close()
    assert not record.exists()


@needs_groups
async def test_what_a_crash_left_is_ended_and_removed_by_the_next_start(tmp_path: Path) -> None:
    left_over = sleeper()
    with real_group("farmhand-crashed") as left:
        left.child("boxes").child("1").enter(left_over.pid)
        remains = Remains(str(left.folder), left.folder.stat().st_ino)
        (tmp_path / "cgroup.json").write_bytes(recorded(remains))
        until(lambda: left.read("cgroup.events"))
        limits = Limits(BOUNDS, tmp_path / "cgroup.json", run=tmp_path)
        await limits.establish()
        assert left_over.wait(30) == -9
        assert not left.folder.exists()
        await limits.close()


@needs_groups
@pytest.mark.parametrize("text", ["", "{}", '{"groups": [{"folder": "/nowhere", "inode": 1}]}'])
async def test_a_damaged_record_or_another_group_of_that_name_ends_nobody(tmp_path: Path, text: str) -> None:
    with real_group("farmhand-stranger") as stranger:
        other = Remains(str(stranger.folder), stranger.folder.stat().st_ino + 1)
        (tmp_path / "cgroup.json").write_bytes(text.encode() or recorded(other))
        limits = Limits(BOUNDS, tmp_path / "cgroup.json", run=tmp_path)
        await limits.establish()
        assert stranger.folder.exists()
        await limits.close()
