"""Which system calls nothing may make in a box that has no namespaces, only Landlock and this filter.

Landlock says which files may be opened and made. It says nothing of sockets other than TCP, of the names of sockets in
the file system, of a file's mode, times and attributes, nor of another process's priority and limits; of signals only
from ABI 6 on. So, beyond what `seccomp` takes away everywhere:

1. Nothing in a box makes a socket. distccd is handed one that listens already, as its standard input: its `socket`, for
   which the kernel answers 0, and its `bind` succeed without being made. Everybody else's lead nowhere.
2. Nothing reaches out: no `connect`, no watching of files.
3. A file's mode, owner, times and attributes stay: Landlock would let them be changed where files cannot be opened.
4. Another process keeps its priority, processors and limits. The limit that marks a box's processes (see `marks`)
   cannot be shed.
5. No signals, also not as the news of a descriptor, unless Landlock keeps them inside. Then a compile whose client left
   runs on until its box ends; the gate retires the box.
6. Of the many requests to devices only those that a program makes of its own pipes and files pass.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from farmhand_agent.boxes import seccomp
from farmhand_agent.boxes.seccomp import FAIL, Look, Looked, Must
from farmhand_agent.traces import marks

_NEWS = (8, 10, 15, 1024, 1026)
"""What `fcntl` is not asked: F_SETOWN, F_SETSIG, F_SETOWN_EX send signals, F_SETLEASE, F_NOTIFY watch files."""

_OF_ONES_OWN = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""What `ioctl` may be asked: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""

_SUCCEED = FAIL


@dataclass(frozen=True, slots=True)
class Alone:
    """The numbers of one architecture.

    Attributes:
        denied: system calls that fail, by name.
        signals: those that fail where Landlock does not keep signals inside.
        looked: those that are looked into.
    """

    denied: Mapping[str, int]
    signals: Mapping[str, int]
    looked: Mapping[str, int]


_EVERYWHERE = {
    "pidfd_open": 434, "process_madvise": 440, "process_mrelease": 448, "fchmodat2": 452, "setxattrat": 463,
    "getxattrat": 464, "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468,
    "file_setattr": 469,
}  # fmt: skip

TABLES: Mapping[str, Alone] = {
    "x86_64": Alone(
        denied=_EVERYWHERE
        | {
            "connect": 42, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "utime": 132,
            "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144, "setxattr": 188, "lsetxattr": 189,
            "fsetxattr": 190, "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193, "listxattr": 194,
            "llistxattr": 195, "flistxattr": 196, "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199,
            "sched_setaffinity": 203, "utimes": 235, "ioprio_set": 251, "inotify_init": 253,
            "inotify_add_watch": 254, "fchownat": 260, "futimesat": 261, "fchmodat": 268, "utimensat": 280,
            "inotify_init1": 294, "sched_setattr": 314,
        },
        signals={
            "kill": 62, "rt_sigqueueinfo": 129, "tkill": 200, "tgkill": 234, "rt_tgsigqueueinfo": 297,
            "pidfd_send_signal": 424,
        },
        looked={"ioctl": 16, "bind": 49, "fcntl": 72, "setrlimit": 160, "prlimit64": 302},
    ),
    "aarch64": Alone(
        denied=_EVERYWHERE
        | {
            "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "getxattr": 8, "lgetxattr": 9, "fgetxattr": 10,
            "listxattr": 11, "llistxattr": 12, "flistxattr": 13, "removexattr": 14, "lremovexattr": 15,
            "fremovexattr": 16, "inotify_init1": 26, "inotify_add_watch": 27, "ioprio_set": 30, "fchmod": 52,
            "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88, "sched_setparam": 118,
            "sched_setscheduler": 119, "sched_setaffinity": 122, "setpriority": 140, "connect": 203,
            "sched_setattr": 274,
        },
        signals={
            "kill": 129, "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240,
            "pidfd_send_signal": 424,
        },
        looked={"fcntl": 25, "ioctl": 29, "setrlimit": 164, "bind": 200, "prlimit64": 261},
    ),
}  # fmt: skip
"""By the machine's name, as `uname -m` says it; x86-64 has some calls that newer machines never had."""


def program(machine: str, signals: bool) -> bytes:
    """Write the filter for one architecture.

    Args:
        machine: as `platform.machine()` names it.
        signals: whether processes may send some: Landlock must keep them inside.

    Returns:
        Instructions as `prctl(PR_SET_SECCOMP)` takes them; empty where the table has no such architecture: no box can
        be made there.
    """
    common, alone = seccomp.TABLES.get(machine), TABLES.get(machine)
    if common is None or alone is None:
        return b""
    denied = {**common.denied, **alone.denied, **({} if signals else alone.signals)}
    return seccomp.assemble(common, denied.values(), _looked(alone.looked, common.socket))


def _looked(number: Mapping[str, int], socket_call: int) -> list[Looked]:
    """Rules 1 and 4 to 6 for the calls that have two sides."""
    unmarked = Look(0, Must.BE_NONE_OF, [marks.RESOURCE], errno.EPERM)
    listens = (
        Look(0, Must.BE_ONE_OF, [socket.AF_INET], errno.EAFNOSUPPORT),
        Look(1, Must.BE_ONE_OF, [socket.SOCK_STREAM], errno.EAFNOSUPPORT),
        Look(2, Must.BE_ONE_OF, [0], errno.EAFNOSUPPORT),
    )
    return [
        Looked(socket_call, listens, then=_SUCCEED),
        Looked(number["bind"], (), then=_SUCCEED),
        Looked(number["fcntl"], [Look(1, Must.BE_NONE_OF, _NEWS, errno.EPERM)]),
        Looked(number["ioctl"], [Look(1, Must.BE_ONE_OF, _OF_ONES_OWN, errno.ENOTTY)]),
        Looked(number["setrlimit"], [unmarked]),
        Looked(
            number["prlimit64"],
            [Look(0, Must.BE_ONE_OF, [0], errno.EPERM), Look(1, Must.BE_NONE_OF, [marks.RESOURCE], errno.EPERM)],
        ),
    ]
