"""Which system calls nothing in a box may make, as a program for the kernel's filter.

The namespaces of the box are its walls; this takes away the tools with which walls of the past were broken: calls that
no compiler needs and in which holes were found again and again; and `setsid`, with which a job would leave the session
and with it the low priority. What is refused fails as if there were no permission; only `clone3`, whose flags a filter
cannot see, fails as if the kernel were too old, and the C library takes `clone`.

1. A program of another architecture, whose calls have other numbers, is killed.
2. The kernel remembers which calls are always allowed, so the filter costs those nothing.
3. All memory belongs to a process or a file with a name: else nobody could count it, and a machine that runs out of it
   would end other programs one by one and not get it back. So nothing is shared but files (see also `sandbox`), no
   queues, and no sockets but those of distccd.
4. A box without namespaces needs more than this: see `seccomp_alone`.

Source: `seccomp(2)`, and the kernel's `Documentation/networking/filter.rst` for the instructions.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

KILL = 0x80000000
ALLOW = 0x7FFF0000
FAIL = 0x00050000
"""What the filter may return; `FAIL` with an errno in its lower half: with 0 the call is not made, but succeeds."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Opcodes: load a word of the call's description, compare the loaded word and jump, return."""

_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Where in the description (`struct seccomp_data`) they lie on a little-endian machine."""

_ARGUMENT = 8
"""Bytes from one argument to the next; only the lower half is looked at: all that is, is an int to the kernel."""

_X32 = 0x40000000
"""Numbers from here on are x86-64's second set of calls."""

NEW_NAMESPACES = 0x7E020000
"""Every flag of `clone` that makes a namespace. That of time namespaces is one of `clone3` and `unshare` only."""

FAMILIES = (socket.AF_INET,)
"""Kinds of sockets that a box may make; they end at its own loopback."""

MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20
"""Bits of the flags of `mmap`. The first stands in each of the values that let memory be shared."""


class Must(Enum):
    """What an argument must be to pass."""

    BE_ONE_OF = "one of the values"
    BE_NONE_OF = "none of the values"
    LACK = "without any of the bits in the value"
    LACK_ONE = "without all of the bits in one of the values"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an argument of a system call.

    Attributes:
        argument: which, from 0.
        must: see `Must`.
        values: to compare with.
        else_fail: the errno for those that do not pass.
    """

    argument: int
    must: Must
    values: Sequence[int]
    else_fail: int


@dataclass(frozen=True, slots=True)
class Looked:
    """A system call that is looked into.

    Attributes:
        number: of the call.
        looks: all must be passed.
        then: what the filter returns for a call that passes.
    """

    number: int
    looks: Sequence[Look]
    then: int = ALLOW


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of one architecture.

    Attributes:
        audit: how the kernel names the architecture.
        denied: system calls that fail, by name.
        clone, clone3, socket, mmap: the calls that are looked into.
    """

    audit: int
    denied: Mapping[str, int]
    clone: int
    clone3: int
    socket: int
    mmap: int


_EVERYWHERE = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "quotactl_fd": 443,
    "memfd_secret": 447,
}

TABLES: Mapping[str, Table] = {
    "x86_64": Table(
        audit=0xC000003E,
        clone=56,
        clone3=435,
        socket=41,
        mmap=9,
        denied=_EVERYWHERE
        | {
            "shmget": 29, "shmat": 30, "shmctl": 31, "socketpair": 53, "semget": 64, "semop": 65, "semctl": 66,
            "shmdt": 67, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "semtimedop": 220, "mq_open": 240,
            "mq_unlink": 241, "mq_timedsend": 242, "mq_timedreceive": 243, "mq_notify": 244, "mq_getsetattr": 245,
            "ptrace": 101, "syslog": 103, "setsid": 112, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155,
            "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166,
            "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172,
            "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "clock_settime": 227,
            "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256,
            "unshare": 272, "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
            "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310,
            "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321,
            "memfd_create": 319, "userfaultfd": 323,
        },
    ),
    "aarch64": Table(
        audit=0xC00000B7,
        clone=220,
        clone3=435,
        socket=198,
        mmap=222,
        denied=_EVERYWHERE
        | {
            "mq_open": 180, "mq_unlink": 181, "mq_timedsend": 182, "mq_timedreceive": 183, "mq_notify": 184,
            "mq_getsetattr": 185, "msgget": 186, "msgctl": 187, "msgrcv": 188, "msgsnd": 189, "semget": 190,
            "semctl": 191, "semtimedop": 192, "semop": 193, "shmget": 194, "shmctl": 195, "shmat": 196, "shmdt": 197,
            "socketpair": 199,
            "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "vhangup": 58, "quotactl": 60, "acct": 89,
            "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106, "clock_settime": 112,
            "syslog": 116, "ptrace": 117, "reboot": 142, "setsid": 157, "sethostname": 161, "setdomainname": 162,
            "settimeofday": 170, "adjtimex": 171, "add_key": 217, "request_key": 218, "keyctl": 219, "swapon": 224,
            "swapoff": 225, "migrate_pages": 238, "move_pages": 239, "perf_event_open": 241, "fanotify_init": 262,
            "name_to_handle_at": 264, "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268,
            "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "bpf": 280,
            "userfaultfd": 282, "kexec_file_load": 294, "memfd_create": 279,
        },
    ),
}  # fmt: skip
"""By the machine's name, as `uname -m` says it."""


def program(machine: str) -> bytes:
    """Write the filter for one architecture.

    Args:
        machine: as `platform.machine()` names it.

    Returns:
        Instructions as `bwrap --seccomp` reads them; empty where the table has no such architecture: the box's walls
        then stand alone.
    """
    table = TABLES.get(machine)
    if table is None:
        return b""
    families = Look(0, Must.BE_ONE_OF, FAMILIES, errno.EAFNOSUPPORT)
    return assemble(table, table.denied.values(), [Looked(table.socket, [families])])


def assemble(table: Table, denied: Iterable[int], looked: Sequence[Looked]) -> bytes:
    """Write a filter that holds rules 1 to 3, as far as `denied` does, and keeps new namespaces away.

    Args:
        table: of the architecture.
        denied: numbers of system calls that fail for want of permission.
        looked: those that are looked into.
    """
    namespaces = Looked(table.clone, [Look(0, Must.LACK, [NEW_NAMESPACES], errno.EPERM)])
    ownerless = Looked(table.mmap, [Look(3, Must.LACK_ONE, [MAP_ANONYMOUS, MAP_SHARED], errno.EPERM)])
    code = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, table.audit, 1, 0),
        _step(_RETURN, KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, FAIL | errno.ENOSYS),
    ]
    for number in sorted(denied):
        code += [_step(_EQUAL, number, 0, 1), _step(_RETURN, FAIL | errno.EPERM)]
    code += [_step(_EQUAL, table.clone3, 0, 1), _step(_RETURN, FAIL | errno.ENOSYS)]
    for call in (namespaces, ownerless, *looked):
        inside = [one for look in call.looks for one in _look(look)] + [_step(_RETURN, call.then)]
        code += [_step(_EQUAL, call.number, 0, len(inside)), *inside]
    return b"".join([*code, _step(_RETURN, ALLOW)])


def _look(look: Look) -> list[bytes]:
    """Write one look: on from its end goes who passes."""
    code = [_step(_LOAD, _FIRST_ARGUMENT + _ARGUMENT * look.argument)]
    count = len(look.values)
    for place, value in enumerate(look.values):
        left = count - place
        if look.must is Must.BE_ONE_OF:
            code.append(_step(_EQUAL, value, left, 0))
        elif look.must is Must.LACK_ONE:
            code.append(_step(_ANY_BIT, value, 0, left))
        else:
            opcode = _EQUAL if look.must is Must.BE_NONE_OF else _ANY_BIT
            code.append(_step(opcode, value, left - 1, 1 if left == 1 else 0))
    return [*code, _step(_RETURN, FAIL | look.else_fail)]


def _step(opcode: int, operand: int, if_so: int = 0, if_not: int = 0) -> bytes:
    """Write one instruction; the last two say how many to skip after a comparison."""
    return struct.pack("<HBBI", opcode, if_so, if_not, operand)
