"""Control groups: the real kernel's where they may be made, else folders with the files that it would put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from farmhand_agent.limits import cgroup
from farmhand_agent.limits.cgroup import Cgroup

from .waiting import until

FILES = ("cgroup.freeze", "cgroup.kill", "cgroup.subtree_control", "cgroup.procs", "cpu.idle", "cpu.weight")
BOUNDS = ("memory.max", "memory.swap.max", "pids.max")


def why_no_real_ones() -> str:
    """Why no control group can be made here; "" when one can."""
    tree, own = cgroup.tree(), cgroup.path_of()
    if tree is None or own is None:
        return "no control groups of version 2 are mounted here"
    if not os.access(tree / own.lstrip("/"), os.W_OK):
        return f"the control group {own} is not ours to divide"
    return ""


def groups_of(agent: int) -> list[Path]:
    """The groups that an agent has, or has left, on a machine without systemd: its cells, then the one round them."""
    tree, own = cgroup.tree(), cgroup.path_of()
    if tree is None or own is None:
        return []
    tops = list((tree / own.lstrip("/")).glob(f"farmhand-{agent}-*/"))
    return [*(cell for top in tops for cell in top.glob("boxes/*/")), *tops]


@contextmanager
def real_group(name: str) -> Iterator[Cgroup]:
    """Hold a group of our own below the one that the tests run in."""
    tree, own = cgroup.tree(), cgroup.path_of()
    assert tree is not None
    assert own is not None
    group = Cgroup(tree / own.lstrip("/")).child(f"{name}-{os.getpid()}")
    try:
        yield group
    finally:
        group.kill()
        until(group.remove, "the group is removed")


class ListeningGroup(Cgroup):
    """Takes note of what it is told, as (file, words)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.told: list[tuple[str, str]] = []

    def write(self, file: str, words: str) -> None:
        self.told.append((file, words))


def fake_group(folder: Path, controllers: str = "cpu memory pids", without: tuple[str, ...] = ()) -> Cgroup:
    """A folder as the kernel would fill it.

    Args:
        folder: is made.
        controllers: that were handed down to it.
        without: files that this kernel does not have.
    """
    folder.mkdir(parents=True)
    (folder / "cgroup.controllers").write_text(controllers + "\n")
    for file in (*FILES, *BOUNDS):
        if file not in without:
            (folder / file).touch()
    return Cgroup(folder)
