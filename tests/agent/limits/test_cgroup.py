"""What the kernel is told about a control group, and what it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import procfs
from fakes.cgroups import ListeningGroup, fake_group, real_group, why_no_real_ones
from fakes.waiting import comes_true

from farmhand_agent.limits import cgroup
from farmhand_agent.limits.cgroup import Cgroup

LINES = (
    "24 29 0:22 / /proc rw,relatime - proc proc rw\n"
    "30 29 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "31 29 0:27 / {point} rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
)


def proc(folder: Path, mounts: str = "", groups: str = "") -> Path:
    """A procfs that says what the test wants of the process 7, which is us."""
    (folder / "7").mkdir()
    (folder / "self").symlink_to("7")
    (folder / "7/mountinfo").write_text(mounts)
    (folder / "7/cgroup").write_text(groups)
    return folder


@pytest.mark.parametrize("point", ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"])
def test_the_tree_is_found_where_it_is_mounted(tmp_path: Path, point: str) -> None:
    assert cgroup.tree(proc(tmp_path, LINES.format(point=point))) == Path(point)


def test_a_mount_point_may_hold_a_blank(tmp_path: Path) -> None:
    assert cgroup.tree(proc(tmp_path, LINES.format(point="/my\\040groups"))) == Path("/my groups")


def test_a_kernel_with_the_first_version_only_has_none(tmp_path: Path) -> None:
    machine = proc(tmp_path, LINES.partition("31 ")[0], "4:memory:/x\n")
    assert cgroup.tree(machine) is None
    assert cgroup.path_of(proc=machine) is None


def test_no_procfs_no_tree(tmp_path: Path) -> None:
    assert cgroup.tree(tmp_path) is None
    assert cgroup.path_of(7, tmp_path) is None


def test_ones_own_place_is_found_beside_the_first_versions_hierarchies(tmp_path: Path) -> None:
    machine = proc(tmp_path, groups="4:memory:/x\n1:name=systemd:/y\n0::/user.slice/a:b.scope\n")
    assert cgroup.path_of(proc=machine) == cgroup.path_of(7, machine) == "/user.slice/a:b.scope"


def test_all_controllers_are_handed_down(tmp_path: Path) -> None:
    group = ListeningGroup(tmp_path)
    group.hand_down()
    assert group.told == [("cgroup.subtree_control", word) for word in ("+cpu", "+memory", "+pids")]


def test_bounds_are_in_the_kernels_units(tmp_path: Path) -> None:
    group = fake_group(tmp_path / "g")
    group.bound(memory_mib=3, processes=40)
    assert group.read("memory.max") == "3145728"
    assert group.read("memory.swap.max") == "0"
    assert group.read("pids.max") == "40"


def test_where_a_kernel_has_no_bounds_nothing_is_made(tmp_path: Path) -> None:
    group = Cgroup(tmp_path)
    group.bound(3, 40)
    group.yield_to_all()
    group.hasten()
    assert [group.freeze(), group.thaw(), group.kill()] == [False, False, False]
    assert not list(tmp_path.iterdir())


def test_it_yields_by_being_idle_and_is_lifted_above_all(tmp_path: Path) -> None:
    group = fake_group(tmp_path / "g")
    group.yield_to_all()
    assert (group.read("cpu.idle"), group.read("cpu.weight")) == ("1", "")
    group.hasten()
    assert (group.read("cpu.idle"), group.read("cpu.weight")) == ("0", "10000")


def test_on_an_older_kernel_it_yields_by_weight(tmp_path: Path) -> None:
    group = fake_group(tmp_path / "g", without=("cpu.idle",))
    group.yield_to_all()
    assert group.read("cpu.weight") == "1"


def test_what_it_costs_is_read_from_the_kernels_account(tmp_path: Path) -> None:
    group = Cgroup(tmp_path)
    assert group.cpu_seconds() is None
    assert group.memory_mib() is None
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n")
    (tmp_path / "memory.stat").write_text("anon 2097152\nfile 99999999\nshmem 1048576\n")
    assert group.cpu_seconds() == 2.5
    assert group.memory_mib() == 3.0, "what the page cache holds is free when somebody wants it"


# --- the real kernel --------------------------------------------------------
needs_groups = pytest.mark.skipif(bool(why_no_real_ones()), reason=why_no_real_ones() or "-")
SPIN = "while True: pass"


@pytest.fixture
def group() -> Iterator[Cgroup]:
    with real_group("farmhand-test") as made:
        yield made


@pytest.fixture
def spinner(group: Cgroup) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the group that never rests."""
    made = subprocess.Popen([sys.executable, "-c", SPIN])
    group.enter(made.pid)
    yield made
    made.kill()
    made.wait()


def ticks(pid: int) -> int:
    return int(procfs.fields(pid)[11])


@needs_groups
def test_a_child_is_a_group_too(group: Cgroup) -> None:
    assert group.child("a").has("cgroup.procs")
    assert group.child("a").folder == group.folder / "a", "a second time is the same one"


@needs_groups
async def test_what_is_frozen_stands_still_until_the_thaw(group: Cgroup, spinner: subprocess.Popen[bytes]) -> None:
    await comes_true(lambda: ticks(spinner.pid) > 0)
    assert group.freeze()
    await comes_true(lambda: "frozen 1" in group.read("cgroup.events"))
    before = ticks(spinner.pid)
    assert group.thaw()
    await comes_true(lambda: ticks(spinner.pid) > before)


@needs_groups
@pytest.mark.parametrize("frozen", [False, True])
def test_a_kill_ends_everything_below_frozen_or_not(group: Cgroup, frozen: bool) -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    group.child("a").child("b").enter(sleeper.pid)
    if frozen:
        group.freeze()
    assert group.kill()
    assert sleeper.wait(30) == -9


@needs_groups
async def test_what_is_used_is_counted_after_its_end_too(group: Cgroup, spinner: subprocess.Popen[bytes]) -> None:
    await comes_true(lambda: (group.cpu_seconds() or 0) > 0.02)
    spinner.kill()
    spinner.wait()
    assert (group.cpu_seconds() or 0) > 0.02


@needs_groups
async def test_one_that_holds_a_process_stays_until_it_has_ended(
    group: Cgroup, spinner: subprocess.Popen[bytes]
) -> None:
    group.child("a").child("b")
    assert not group.remove()
    spinner.kill()
    spinner.wait()
    await group.gone()
    assert not group.folder.exists()


@needs_groups
def test_who_is_gone_cannot_enter(group: Cgroup) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with pytest.raises(OSError, match="No such process"):
        group.enter(gone.pid)


def test_this_process_has_its_place_in_the_real_tree() -> None:
    if cgroup.tree() is None:
        pytest.skip("no control groups of version 2 are mounted here")
    assert cgroup.path_of() == cgroup.path_of(os.getpid())
