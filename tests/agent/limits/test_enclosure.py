"""All boxes in one control group, and each in a cell of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from contracts.box import BoxContract
from fakes.cgroups import fake_group, real_group, why_no_real_ones
from fakes.waiting import comes_true

from farmhand_agent.boxes.box import Box, BoxGone, BoxPlan
from farmhand_agent.limits.cgroup import Cgroup
from farmhand_agent.limits.enclosure import Cell, Enclosure, NoCell
from farmhand_agent.traces import processes


def kernel(folder: Path, controllers: str = "cpu memory pids", without: tuple[str, ...] = ()) -> Cgroup:
    """A top with its groups as a kernel would make them."""
    top = fake_group(folder / "top", controllers, without)
    fake_group(top.folder / "boxes", controllers)
    for number in ("1", "2"):
        fake_group(top.folder / "boxes" / number, controllers)
    return top


def test_it_yields_from_the_first_moment_and_is_bounded_as_a_whole(tmp_path: Path) -> None:
    top = kernel(tmp_path)
    Enclosure(top).bound(512, 100)
    assert top.read("cpu.idle") == "1", "the top, since a weight counts among siblings only"
    assert top.child("boxes").read("memory.max") == str(512 << 20)
    assert top.child("boxes").read("pids.max") == "100"
    for one in (top, top.child("boxes")):
        assert one.read("cgroup.subtree_control"), "cells are counted, too"


@pytest.mark.parametrize(
    ("controllers", "without", "but", "told"),
    [
        ("cpu memory pids", (), "", "idle control group"),
        ("cpu memory pids", (), "only beside x", "idle control group, but only beside x"),
        ("cpu memory pids", ("cpu.idle",), "", "control group of the lowest weight"),
        ("memory pids", (), "", ""),
        ("", (), "", ""),
    ],
)
def test_how_it_yields_is_told(tmp_path: Path, controllers: str, without: tuple[str, ...], but: str, told: str) -> None:
    enclosure = Enclosure(kernel(tmp_path, controllers, without), but=but)
    assert enclosure.priority == told
    assert enclosure.cell().priority == told


def test_what_was_not_handed_down_is_told(tmp_path: Path) -> None:
    assert Enclosure(kernel(tmp_path, "cpu hugetlb")).missing == ("memory", "pids")


async def test_the_dying_go_first_until_the_last_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farmhand_agent.limits.cgroup.REMOVE_TRIES", 1)  # these folders stay
    top = kernel(tmp_path)
    enclosure = Enclosure(top)
    one, other = enclosure.cell(), enclosure.cell()
    assert one.kill()
    assert one.group.read("cgroup.kill") == "1"
    assert top.read("cpu.idle") == "0"
    other.kill()
    await one.remove()
    assert top.read("cpu.idle") == "0"
    await other.remove()
    assert top.read("cpu.idle") == "1"


async def test_who_was_not_killed_changes_nothing_by_going(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farmhand_agent.limits.cgroup.REMOVE_TRIES", 1)
    top = kernel(tmp_path)
    cell = Enclosure(top).cell()
    top.write("cpu.idle", "x")
    await cell.remove()
    assert top.read("cpu.idle") == "x"


class Systemd:
    """Moves processes where others may not, and takes note."""

    def __init__(self) -> None:
        self.moved: list[tuple[int, str]] = []

    async def attach(self, pid: int, group: str) -> None:
        self.moved.append((pid, group))


class Forbidden(Cgroup):
    """A group that lets nobody in from elsewhere."""

    def enter(self, pid: int) -> None:
        raise PermissionError(13, "Permission denied")


async def test_where_we_may_not_move_a_process_the_maker_is_asked_to(tmp_path: Path) -> None:
    systemd = Systemd()
    top = kernel(tmp_path)
    enclosure = Enclosure(top, systemd.attach)
    await Cell(enclosure, Forbidden(top.folder / "boxes/1")).enter(7)
    assert systemd.moved == [(7, "/boxes/1")]


async def test_without_a_maker_the_refusal_is_told(tmp_path: Path) -> None:
    top = kernel(tmp_path)
    with pytest.raises(PermissionError):
        await Cell(Enclosure(top), Forbidden(top.folder / "boxes/1")).enter(7)


async def test_it_knows_when_somebody_has_removed_it(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    enclosure = Enclosure(Cgroup(tmp_path / "top"))
    assert enclosure.there
    (tmp_path / "top/boxes").rmdir()
    assert not enclosure.there
    with pytest.raises(FileNotFoundError):
        enclosure.cell()


async def test_no_cell_can_do_nothing_and_says_so() -> None:
    cell = NoCell()
    await cell.enter(7)
    assert [cell.freeze(), cell.thaw(), cell.kill()] == [False, False, False]
    assert cell.cpu_seconds() is cell.memory_mib() is None
    assert cell.priority == ""
    await cell.remove()


# --- the real kernel --------------------------------------------------------
needs_groups = pytest.mark.skipif(bool(why_no_real_ones()), reason=why_no_real_ones() or "-")


@pytest.fixture
def enclosure() -> Iterator[Enclosure]:
    with real_group("farmhand-test") as top:
        yield Enclosure(top)


@pytest.fixture
async def celled(enclosure: Enclosure) -> AsyncIterator[tuple[Box, Cell]]:
    """A real box in a real cell."""
    cell = enclosure.cell()
    box = await Box.start(BoxPlan(slots=2, scratch_mib=64), cell)
    yield box, cell
    box.kill()
    await box.gone()


@needs_groups
class TestBoxInACell(BoxContract):
    @pytest.fixture
    def box(self, celled: tuple[Box, Cell]) -> Box:
        return celled[0]


@needs_groups
async def test_all_of_a_box_is_in_its_cell_from_birth(celled: tuple[Box, Cell]) -> None:
    box, cell = celled

    def inside() -> set[int]:
        return {int(line) for line in cell.group.read("cgroup.procs").split()}

    await comes_true(lambda: inside() == set(processes.tree(box.init)), "all are in it, however many there are now")
    assert len(inside()) > 2


@needs_groups
async def test_nothing_of_the_cell_is_left_when_the_box_is_gone(celled: tuple[Box, Cell]) -> None:
    box, cell = celled
    box.kill()
    await box.gone()
    assert not cell.group.folder.exists()


@needs_groups
async def test_what_the_box_uses_is_told_by_the_kernel(celled: tuple[Box, Cell]) -> None:
    box, cell = celled
    used = cell.cpu_seconds()
    assert used is not None
    assert box.cpu_seconds() >= used > 0


@needs_groups
async def test_a_box_that_cannot_enter_its_cell_does_not_come_up(enclosure: Enclosure) -> None:
    cell, children = enclosure.cell(), len(list(processes.tree(os.getpid())))
    cell.group.folder.rmdir()
    with pytest.raises(BoxGone, match="cannot be moved into its control group"):
        await Box.start(BoxPlan(slots=2, scratch_mib=64), cell)
    assert len(list(processes.tree(os.getpid()))) == children
