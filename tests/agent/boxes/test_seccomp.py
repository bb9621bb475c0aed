"""The filter of system calls: its numbers by the kernel's headers, its effect by a small machine and by the kernel."""

from __future__ import annotations

import errno
import json
import platform
import re
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from fakes.filter_machine import fails_with, verdict

from farmhand_agent.boxes import sandbox, seccomp
from farmhand_agent.boxes.seccomp import TABLES, Table

KILLED, ALLOWED = 0x80000000, 0x7FFF0000
HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
MACHINES = sorted(TABLES)


def judge(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """Run the filter on one system call, as the kernel would."""
    values = (*arguments, *[0] * 6)[:6]
    data = struct.pack("<IIQ6Q", number, TABLES[machine].audit if audit is None else audit, 0, *values)
    return verdict(seccomp.program(machine), data)


def numbers(machine: str) -> dict[str, int]:
    """What the kernel's header says."""
    header = Path("/usr/include", HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header}")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_the_kernels(machine: str) -> None:
    known, table = numbers(machine), TABLES[machine]
    assert {name: known.get(name) for name in table.denied} == dict(table.denied)
    looked = (table.clone, table.clone3, table.socket, table.mmap)
    assert tuple(known[name] for name in ("clone", "clone3", "socket", "mmap")) == looked


def test_nothing_that_makes_memory_of_nobodys_is_allowed() -> None:
    ownerless = (
        "memfd_create memfd_secret socketpair shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd"
    )
    ownerless += " msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr"
    assert set(ownerless.split()) <= set(TABLES["x86_64"].denied)


def test_both_tables_deny_the_same_but_for_what_one_machine_lacks() -> None:
    x86, arm = (set(TABLES[machine].denied) for machine in ("x86_64", "aarch64"))
    assert x86 - arm == {"modify_ldt", "iopl", "ioperm"}
    assert arm <= x86


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_denied_fails_for_want_of_permission_and_nothing_else_does(machine: str) -> None:
    table: Table = TABLES[machine]
    denied = {number for number in range(600) if judge(machine, number) == fails_with(errno.EPERM)}
    assert denied == set(table.denied.values())
    allowed = {number for number in range(600) if judge(machine, number, 2) == ALLOWED}
    assert set(range(600)) - denied - allowed == {table.clone3}
    assert judge(machine, table.clone3) == fails_with(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_is_killed(machine: str) -> None:
    for audit in (0x40000003, 0, *(TABLES[other].audit for other in MACHINES if other != machine)):
        assert judge(machine, 0, audit=audit) == KILLED


@pytest.mark.parametrize("machine", MACHINES)
def test_a_second_set_of_numbers_leads_nowhere(machine: str) -> None:
    for number in TABLES[machine].denied.values():
        assert judge(machine, 0x40000000 | number) == fails_with(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_processes_and_threads_may_be_made_but_no_namespaces(machine: str) -> None:
    clone = TABLES[machine].clone
    for plain in (0x11, 0x3D0F00, 0x01200011):
        assert judge(machine, clone, plain) == ALLOWED
    for namespace in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert judge(machine, clone, namespace | 0x11) == fails_with(errno.EPERM)


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_are_those_that_distccd_needs(machine: str) -> None:
    call = TABLES[machine].socket
    may = {family for family in range(64) if judge(machine, call, family) == ALLOWED}
    assert may == {socket.AF_INET}
    assert judge(machine, call, socket.AF_NETLINK) == fails_with(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("machine", MACHINES)
def test_memory_without_a_file_is_not_shared(machine: str) -> None:
    private, shared, validated, anonymous, fixed = 0x02, 0x01, 0x03, 0x20, 0x10
    for passes in (private | anonymous, private, shared, validated, private | anonymous | fixed):
        assert judge(machine, TABLES[machine].mmap, 0, 4096, 3, passes) == ALLOWED, passes
    for ownerless in (
        shared | anonymous,
        validated | anonymous,
        shared | anonymous | fixed,
        0x40000 | shared | anonymous,
    ):
        assert judge(machine, TABLES[machine].mmap, 0, 4096, 3, ownerless) == fails_with(errno.EPERM), ownerless


def test_a_machine_that_the_table_does_not_know_has_no_filter() -> None:
    assert seccomp.program("sparc64") == b""


# --- the real kernel --------------------------------------------------------
INSIDE = """
import ctypes, errno, json, os, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return errno.errorcode.get(ctypes.get_errno()) if libc.syscall(number, *arguments) < 0 else "done"
def kind(family, sort):
    try:
        socket.socket(family, sort).close()
        return "done"
    except OSError as wrong:
        return errno.errorcode[wrong.errno]
denied = {name: call(number, 0, 0, 0, 0, 0) for name, number in json.loads(DENIED).items()}
thread = threading.Thread(target=lambda: None)
thread.start()
thread.join()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
print(json.dumps({
    "denied": denied,
    "clone3": call(435, 0, 0),
    "netlink": kind(16, 3), "packet": kind(17, 3), "vsock": kind(40, 1), "alg": kind(38, 5),
    "unix": kind(1, 1), "inet": kind(2, 1), "inet6": kind(10, 1),
}), file=sys.stderr)
"""


@pytest.mark.skipif(platform.machine() not in TABLES, reason="no filter for this machine")
def test_the_kernel_agrees() -> None:
    denied = TABLES[platform.machine()].denied
    with sandbox.system_call_filter() as filter_fd:
        command = sandbox.box_command(1, 64, (), 1, filter_fd)
        command = [*command[: command.index("prlimit")], "/usr/bin/python3", "-I", "-c"]
        done = subprocess.run(
            [*command, f"DENIED = {json.dumps(denied)!r}\n{INSIDE}"],
            capture_output=True,
            text=True,
            check=True,
            pass_fds=[filter_fd],
            timeout=30,
            **sandbox.bare(),
        )
    told = json.loads(done.stderr)
    assert set(told.pop("denied").values()) == {"EPERM"}
    assert told == {
        "clone3": "ENOSYS",
        **dict.fromkeys(("netlink", "packet", "vsock", "alg", "unix", "inet6"), "EAFNOSUPPORT"),
        "inet": "done",
    }
