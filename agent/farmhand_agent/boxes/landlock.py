"""The walls of a box without namespaces, as a description for its ward.

Where the kernel lets no ordinary user make a namespace, a box has three walls: Landlock for files (and TCP, and from
ABI 6 on signals), the filter `seccomp_alone` for what Landlock does not see, and limits. What they leave open, and
namespaces would not: jobs count against the owner's limit of processes, may learn whether a file exists at a path that
they guess, how large it is and how old, and that a process exists; their files are bounded only by being watched.

Source: `landlock(7)` and the kernel's `Documentation/userspace-api/landlock.rst`.
"""

from __future__ import annotations

import platform
import pwd
import resource
from enum import IntFlag

from farmhand_agent.boxes import seccomp_alone, walls
from farmhand_agent.boxes.box import BoxPlan
from farmhand_agent.boxes.sandbox import NO_CORE, NOBODY, OPEN_FILES, PROCESSES, PROCESSES_PER_SLOT
from farmhand_agent.traces import marks

LEAST_ABI = 4
"""The first version that refuses TCP; it is part of Linux 6.7."""

SIGNALS_ABI = 6
"""The first version that keeps signals and abstract sockets inside; it is part of Linux 6.12."""

SPARE_PROCESSES = 256
"""How many more processes the owner may start before jobs find that they can make none."""


class Files(IntFlag):
    """What may be done to files; each value with the ABI that brought it."""

    EXECUTE = 1 << 0
    WRITE = 1 << 1
    READ = 1 << 2
    LIST = 1 << 3
    REMOVE_FOLDER = 1 << 4
    REMOVE = 1 << 5
    MAKE_CHARACTER_DEVICE = 1 << 6
    MAKE_FOLDER = 1 << 7
    MAKE_FILE = 1 << 8
    MAKE_SOCKET = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK_DEVICE = 1 << 11
    MAKE_LINK = 1 << 12
    MOVE = 1 << 13  # ABI 2
    TRUNCATE = 1 << 14  # ABI 3
    ASK_DEVICES = 1 << 15  # ABI 5


FILES_BEFORE_5 = Files((1 << 15) - 1)
FILES = Files((1 << 16) - 1)
BIND_AND_CONNECT = 3
ABSTRACT_SOCKETS_AND_SIGNALS = 3

RUN = Files.EXECUTE | Files.READ | Files.LIST
OWN = (
    RUN
    | Files.WRITE
    | Files.TRUNCATE
    | Files.REMOVE_FOLDER
    | Files.REMOVE
    | Files.MAKE_FOLDER
    | Files.MAKE_FILE
    | Files.MAKE_FIFO
    | Files.MAKE_LINK
    | Files.MOVE
)

OPEN = (
    ("/usr", RUN),
    ("/bin", RUN),
    ("/sbin", RUN),
    ("/lib", RUN),
    ("/lib64", RUN),
    ("/lib32", RUN),
    ("/libx32", RUN),
    ("/etc/ld.so.cache", Files.READ),
    ("/dev/null", Files.READ | Files.WRITE),
    ("/dev/zero", Files.READ),
    ("/dev/urandom", Files.READ),
)
"""What is open in every box besides its own folder and the owner's toolchains. To follow a link needs no right."""


def why_impossible(version: int | None = None, machine: str | None = None) -> str:
    """Say what this machine lacks for such a box; "" when nothing.

    Args:
        version: of Landlock; None: the kernel's.
        machine: as `platform.machine()` names it; None: this one.
    """
    version, machine = walls.abi() if version is None else version, machine or platform.machine()
    if version == 0:
        return "this kernel has no Landlock, or it is switched off: see /sys/kernel/security/lsm"
    if version < LEAST_ABI:
        return f"this kernel's Landlock is too old: ABI {version}, but {LEAST_ABI} is needed, which Linux 6.7 brings"
    if not seccomp_alone.program(machine, signals=True):
        return f"there is no filter of system calls for {machine}"
    if 0 <= resource.getrlimit(marks.RESOURCE)[1] < marks.RANGE[1]:
        return "realtime scheduling is limited for this user (ulimit -R), which boxes use as their mark"
    return ""


def describe(plan: BoxPlan, folder: str, mark: int, listener: int, version: int, as_root: bool) -> walls.Spec:
    """Describe one box.

    Args:
        plan: how it is made.
        folder: the box's own.
        mark: of its processes.
        listener: descriptor of the socket on which distccd serves.
        version: of Landlock; less than the kernel's builds the walls of an older one.
        as_root: whether the agent is root, so that the box must become somebody else.

    Returns:
        What the ward reads.
    """
    signals_stay_inside = version >= SIGNALS_ABI
    nobody = pwd.getpwnam(NOBODY) if as_root else None
    room = plan.scratch_mib << 20
    handled = [int(FILES if version >= 5 else FILES_BEFORE_5), BIND_AND_CONNECT]
    opened = [*OPEN, *((path, RUN) for path in plan.toolchains), (folder, OWN)]
    limits = [
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, NO_CORE),
        (resource.RLIMIT_FSIZE, room),
        (marks.RESOURCE, mark),
    ]
    return {
        "listener": listener,
        "uid": nobody.pw_uid if nobody else None,
        "gid": nobody.pw_gid if nobody else None,
        "folder": folder,
        "room": room,
        "mark": mark,
        "limits": [*limits, (resource.RLIMIT_AS, plan.process_mib << 20)] if plan.process_mib else limits,
        "processes": SPARE_PROCESSES + PROCESSES + plan.slots * PROCESSES_PER_SLOT,
        "walls": [*handled, *([ABSTRACT_SOCKETS_AND_SIGNALS] if signals_stay_inside else [])],
        "open": [(path, int(rights)) for path, rights in opened],
        "filter": seccomp_alone.program(platform.machine(), signals_stay_inside).hex(),
        "command": distccd_command(plan.slots),
        "environment": {"PATH": "/usr/bin:/bin", "TMPDIR": folder, "HOME": folder, "LANG": "C.UTF-8"},
    }


def distccd_command(slots: int) -> list[str]:
    """Write the command that runs stock distccd in the foreground, for `slots` jobs at once.

    Its port and address are never used: it is given a socket that listens already, see `seccomp_alone`. Nobody but the
    agent can call there (see `port`), so there is no list of addresses: a Unix socket's caller would be on none.
    """
    command = ["/usr/bin/distccd", "--daemon", "--no-detach", "--port", "3632", "--listen", "127.0.0.1"]
    command += ["--jobs", str(slots), "--nice", "0"]
    return [*command, "--log-stderr", "--log-level", "critical"]
