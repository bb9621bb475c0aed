"""The filter of a box without namespaces: its numbers by the kernel's headers, its effect by a small machine.

What the real kernel makes of it is asked in `tests/whole/hostile`.
"""

from __future__ import annotations

import errno
import re
import socket
import struct
from pathlib import Path

import pytest
from fakes.filter_machine import fails_with, verdict

from farmhand_agent.boxes import seccomp, seccomp_alone
from farmhand_agent.boxes.seccomp_alone import TABLES
from farmhand_agent.traces import marks

ALLOWED, SUCCEEDS = 0x7FFF0000, 0x00050000
HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
MACHINES = sorted(TABLES)
LATER = {"fchmodat2", "setxattrat", "getxattrat", "listxattrat", "removexattrat", "open_tree_attr", "file_getattr"}
OF_OLD = {
    "chmod", "chown", "lchown", "utime", "utimes", "futimesat", "inotify_init"
}  # fmt: skip


RULES = {
    "reaches nobody": "connect",
    "watches no file": "inotify_init inotify_init1 inotify_add_watch",
    "changes no mode": "chmod fchmod fchmodat fchmodat2 file_getattr file_setattr open_tree_attr",
    "changes no owner": "chown fchown lchown fchownat",
    "changes no time": "utime utimes futimesat utimensat",
    "sees and changes no attribute": "setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr getxattrat "
    "listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat",
    "schedules nobody": "setpriority sched_setparam sched_setscheduler sched_setaffinity sched_setattr ioprio_set",
    "holds nobody": "pidfd_open process_madvise process_mrelease",
}
"""What a job does not do, and the calls with which it would."""


def test_every_call_is_denied_for_a_reason() -> None:
    assert sorted(TABLES["x86_64"].denied) == sorted(name for names in RULES.values() for name in names.split())
    signals = {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"}
    assert set(TABLES["x86_64"].signals) == signals


def judge(machine: str, name: str | int, *arguments: int, signals: bool = True) -> int:
    """Run the filter on one system call, as the kernel would."""
    table = TABLES[machine]
    known = {**table.denied, **table.signals, **table.looked, "socket": seccomp.TABLES[machine].socket}
    number = known[name] if isinstance(name, str) else name
    data = struct.pack("<IIQ6Q", number, seccomp.TABLES[machine].audit, 0, *(*arguments, *[0] * 6)[:6])
    return verdict(seccomp_alone.program(machine, signals), data)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_the_kernels(machine: str) -> None:
    """Of calls that the header, perhaps older than the kernel, knows."""
    header = Path("/usr/include", HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header}")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    known = {name: int(number) for name, number in found}
    table = TABLES[machine]
    ours = {**table.denied, **table.signals, **table.looked}
    assert {name for name in ours if name not in known} <= LATER | {"file_setattr"}
    assert {name: number for name, number in ours.items() if known.get(name, number) != number} == {}


def test_both_tables_deny_the_same_but_for_what_newer_machines_never_had() -> None:
    x86, arm = TABLES["x86_64"], TABLES["aarch64"]
    assert set(x86.denied) - set(arm.denied) == OF_OLD
    assert set(arm.denied) <= set(x86.denied)
    assert set(x86.signals) == set(arm.signals)
    assert set(x86.looked) == set(arm.looked)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("signals", [True, False])
def test_what_is_denied_fails_for_want_of_permission_and_nothing_else_does(machine: str, signals: bool) -> None:
    common, table = seccomp.TABLES[machine], TABLES[machine]
    expected = {*common.denied.values(), *table.denied.values(), *(() if signals else table.signals.values())}
    looked = {*table.looked.values(), common.socket, common.clone, common.clone3, common.mmap}
    for number in set(range(600)) - looked:
        expects = fails_with(errno.EPERM) if number in expected else ALLOWED
        assert judge(machine, number, signals=signals) == expects, number


@pytest.mark.parametrize("machine", MACHINES)
def test_the_only_socket_is_the_one_that_listens_already(machine: str) -> None:
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 0)
    assert judge(machine, "socket", *tcp) == SUCCEEDS
    for other in (
        (socket.AF_UNIX, socket.SOCK_STREAM, 0),
        (socket.AF_INET6, socket.SOCK_STREAM, 0),
        (socket.AF_NETLINK, socket.SOCK_RAW, 0),
        (socket.AF_INET, socket.SOCK_DGRAM, 0),
        (socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, 0),
        (socket.AF_INET, socket.SOCK_STREAM, 262),
    ):
        assert judge(machine, "socket", *other) == fails_with(errno.EAFNOSUPPORT), other
    assert judge(machine, "bind", 0) == SUCCEEDS


@pytest.mark.parametrize("machine", MACHINES)
def test_descriptors_send_no_signals_and_watch_no_files(machine: str) -> None:
    for news in (8, 10, 15, 1024, 1026):
        assert judge(machine, "fcntl", 0, news) == fails_with(errno.EPERM)
    for plain in (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1031, 1033):
        assert judge(machine, "fcntl", 0, plain) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_devices_are_asked_nothing(machine: str) -> None:
    for own in (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451):
        assert judge(machine, "ioctl", 0, own) == ALLOWED
    terminals, owners, attributes = (0x5402, 0x5412, 0x541C), (0x8901, 0x8902, 0x5452), (0x40086602, 0x6611)
    for other in (*terminals, *owners, *attributes, 0, 1):
        assert judge(machine, "ioctl", 0, other) == fails_with(errno.ENOTTY)


@pytest.mark.parametrize("machine", MACHINES)
def test_limits_are_ones_own_and_the_mark_stays(machine: str) -> None:
    assert judge(machine, "prlimit64", 0, 3) == ALLOWED
    assert judge(machine, "prlimit64", 1234, 3) == fails_with(errno.EPERM)
    assert judge(machine, "prlimit64", 0, marks.RESOURCE) == fails_with(errno.EPERM)
    assert judge(machine, "setrlimit", 3) == ALLOWED
    assert judge(machine, "setrlimit", marks.RESOURCE) == fails_with(errno.EPERM)


def test_a_machine_that_the_table_does_not_know_has_no_filter() -> None:
    assert seccomp_alone.program("sparc64", signals=True) == b""
