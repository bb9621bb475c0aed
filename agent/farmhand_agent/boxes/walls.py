"""Shuts a process in behind Landlock, a filter of system calls and limits: what each of them is told, it does.

The ward of a box uses this: standard library only. What the walls are is decided in `landlock`.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import TypedDict

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Landlock's system calls; the numbers are the same on every architecture."""

_VERSION = 1
_FILTER = 2
_PATH_BENEATH = 1

_libc = ctypes.CDLL(None, use_errno=True)


class Spec(TypedDict):
    """One box, as the agent describes it to the ward.

    Attributes:
        listener: descriptor of the listening socket that becomes standard input.
        uid, gid: whom root becomes; None: stay who you are.
        folder, room: the box's own folder, and the bytes that files in it may take.
        mark: the limit that marks the box's processes.
        limits: pairs of a resource and its limit.
        processes: how many more than now the user may have before the box can make none.
        walls: `struct landlock_ruleset_attr`, as numbers of 64 bits.
        open: pairs of a path and what may be done below it.
        filter: the filter of system calls, in hexadecimal.
        command, environment: what is run inside.
    """

    listener: int
    uid: int | None
    gid: int | None
    folder: str
    room: int
    mark: int
    limits: Sequence[tuple[int, int]]
    processes: int
    walls: Sequence[int]
    open: Sequence[tuple[str, int]]
    filter: str
    command: list[str]
    environment: dict[str, str]


def abi() -> int:
    """The version of Landlock that this kernel has; 0 when it has none or it is switched off."""
    return max(0, int(_libc.syscall(CREATE_RULESET, None, 0, _VERSION)))


def shut_in(spec: Spec, parent: int) -> None:
    """Turn this process into the boxed program; see `Spec`.

    Raises:
        OSError: a wall could not be built.
    """
    os.setsid()
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    drop_privileges(spec)
    check(prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "die with the ward")
    if os.getppid() != parent:
        raise OSError("the ward is gone")
    for which, most in (*spec["limits"], (resource.RLIMIT_NPROC, count_processes() + spec["processes"])):
        hard = resource.getrlimit(which)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (allowed, allowed))
    os.chdir(spec["folder"])
    os.dup2(spec["listener"], 0)
    nothing = os.open("/dev/null", os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(spec["listener"])
    check(prctl(PR_SET_NO_NEW_PRIVS, 1), "give up privileges")
    build_walls(spec["walls"], spec["open"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):  # Python leaves some ignored
        signal.signal(number, signal.SIG_DFL)
    filter_calls(bytes.fromhex(spec["filter"]))
    os.execve(spec["command"][0], spec["command"], spec["environment"])


def count_processes() -> int:
    """Processes and threads that our user has now."""
    count, user = 0, os.geteuid()
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            told = os.stat(f"/proc/{name}/task")
        except OSError:
            continue
        if told.st_uid == user:
            count += told.st_nlink - 2
    return count


def drop_privileges(spec: Spec) -> None:
    """Become an ordinary user where the agent is root."""
    if spec["uid"] is not None and spec["gid"] is not None:
        os.setgroups([])
        os.setgid(spec["gid"])
        os.setuid(spec["uid"])


def build_walls(handled: Sequence[int], opened: Sequence[tuple[str, int]]) -> None:
    """Let Landlock refuse what `handled` names but for the rights on the paths that are opened; landlock(7)."""
    attributes = (ctypes.c_uint64 * len(handled))(*handled)
    ruleset = check(_libc.syscall(CREATE_RULESET, attributes, ctypes.sizeof(attributes), 0), "make a ruleset")
    for path, rights in opened:
        try:
            there = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        rule = rights.to_bytes(8, sys.byteorder) + there.to_bytes(4, sys.byteorder)
        check(_libc.syscall(ADD_RULE, ruleset, _PATH_BENEATH, rule, 0), f"open {path}")
        os.close(there)
    check(_libc.syscall(RESTRICT_SELF, ruleset, 0), "put up walls")
    os.close(ruleset)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


def filter_calls(steps: bytes) -> None:
    """Let the kernel judge every system call from now on; seccomp(2)."""
    program = _Program(len(steps) // 8, steps)
    check(prctl(PR_SET_SECCOMP, _FILTER, ctypes.addressof(program)), "filter system calls")


def prctl(option: int, *arguments: int) -> int:
    """Set something of this process; prctl(2)."""
    padded = (*arguments, 0, 0, 0)[:4]
    return int(_libc.prctl(option, *map(ctypes.c_ulong, padded)))


def check(result: int, what: str) -> int:
    """Return what a system call returned.

    Raises:
        OSError: it failed at doing `what`.
    """
    if result < 0:
        raise OSError(ctypes.get_errno(), f"cannot {what}: {os.strerror(ctypes.get_errno())}")
    return result
