"""What is asked of Landlock, by its numbers, and what a machine must have for it."""

from __future__ import annotations

import platform
import re
import resource
from pathlib import Path

import pytest

from farmhand_agent.boxes import landlock, seccomp_alone, walls
from farmhand_agent.boxes.box import BoxPlan
from farmhand_agent.boxes.landlock import Files
from farmhand_agent.traces import marks

HEADER = Path("/usr/include/linux/landlock.h")
PLAN = BoxPlan(slots=3, scratch_mib=100, toolchains=("/opt/cross",))
NAMES = {
    "EXECUTE": Files.EXECUTE, "WRITE_FILE": Files.WRITE, "READ_FILE": Files.READ, "READ_DIR": Files.LIST,
    "REMOVE_DIR": Files.REMOVE_FOLDER, "REMOVE_FILE": Files.REMOVE, "MAKE_CHAR": Files.MAKE_CHARACTER_DEVICE,
    "MAKE_DIR": Files.MAKE_FOLDER, "MAKE_REG": Files.MAKE_FILE, "MAKE_SOCK": Files.MAKE_SOCKET,
    "MAKE_FIFO": Files.MAKE_FIFO, "MAKE_BLOCK": Files.MAKE_BLOCK_DEVICE, "MAKE_SYM": Files.MAKE_LINK,
    "REFER": Files.MOVE, "TRUNCATE": Files.TRUNCATE, "IOCTL_DEV": Files.ASK_DEVICES,
}  # fmt: skip


def describe(version: int = 7, as_root: bool = False, plan: BoxPlan = PLAN) -> walls.Spec:
    return landlock.describe(plan, "/box", 1 << 61, 9, version, as_root)


@pytest.mark.skipif(not HEADER.exists(), reason=f"no {HEADER}")
def test_the_numbers_are_the_kernels() -> None:
    """Of those rights that the header, perhaps older than the kernel, knows."""
    told = re.findall(r"#define LANDLOCK_ACCESS_FS_(\w+)\s+\(1ULL << (\d+)\)", HEADER.read_text())
    assert len(told) >= 14
    assert {name: 1 << int(bit) for name, bit in told} == {name: int(NAMES[name]) for name, _ in told}


@pytest.mark.parametrize(
    ("version", "files", "rest"),
    [(4, 0x7FFF, [3]), (5, 0xFFFF, [3]), (6, 0xFFFF, [3, 3]), (7, 0xFFFF, [3, 3])],
)
def test_everything_is_refused_that_the_version_can_refuse(version: int, files: int, rest: list[int]) -> None:
    assert describe(version)["walls"] == [files, *rest]


@pytest.mark.parametrize("version", [4, 6])
def test_signals_are_filtered_where_they_are_not_kept_inside(version: int) -> None:
    expected = seccomp_alone.program(platform.machine(), signals=version >= 6)
    assert describe(version)["filter"] == expected.hex()


def test_only_the_system_can_be_run_and_only_the_own_folder_written() -> None:
    rights = {path: Files(value) for path, value in describe()["open"]}
    shown = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/opt/cross"}
    assert {path for path, right in rights.items() if Files.EXECUTE in right} == {*shown, "/box"}
    changing = ~(Files.EXECUTE | Files.READ | Files.LIST)
    assert {path for path, right in rights.items() if right & changing} == {"/box", "/dev/null"}
    assert rights["/dev/null"] == Files.READ | Files.WRITE
    assert set(rights) == {*shown, "/box", "/etc/ld.so.cache", "/dev/null", "/dev/zero", "/dev/urandom"}
    assert not rights["/box"] & (Files.MAKE_SOCKET | Files.MAKE_CHARACTER_DEVICE | Files.MAKE_BLOCK_DEVICE)


def test_a_box_is_bounded_and_marked() -> None:
    limits = dict(describe()["limits"])
    assert limits == {
        resource.RLIMIT_NOFILE: 1024,
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_FSIZE: 100 << 20,
        marks.RESOURCE: 1 << 61,
    }
    assert describe()["processes"] == 256 + 64 + 3 * 32
    held = dict(describe(plan=BoxPlan(1, 64, (), process_mib=512))["limits"])
    assert held[resource.RLIMIT_AS] == 512 << 20


def test_root_becomes_nobody() -> None:
    assert describe(as_root=True)["uid"] == 65534
    assert describe()["uid"] is describe()["gid"] is None


def test_distccd_serves_whoever_reaches_it() -> None:
    words = landlock.distccd_command(3)
    assert words[0] == "/usr/bin/distccd"
    assert words[words.index("--jobs") + 1] == "3"
    assert "--no-detach" in words
    assert not {"--allow", "--stats", "--inetd"} & set(words)


@pytest.mark.parametrize(
    ("version", "machine", "told"),
    [
        (0, "x86_64", "no Landlock, or it is switched off"),
        (1, "x86_64", "too old: ABI 1, but 4 is needed"),
        (3, "x86_64", "too old: ABI 3"),
        (4, "sparc64", "no filter of system calls for sparc64"),
        (4, "x86_64", ""),
        (7, "aarch64", ""),
    ],
)
def test_what_a_machine_lacks_is_told(version: int, machine: str, told: str) -> None:
    problem = landlock.why_impossible(version, machine)
    assert told in problem
    assert bool(told) == bool(problem)


def test_this_machine_lacks_nothing() -> None:
    assert walls.abi() >= landlock.LEAST_ABI
    assert landlock.why_impossible() == ""
