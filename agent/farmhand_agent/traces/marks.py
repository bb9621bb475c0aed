"""Processes of boxes without namespaces, found by a mark that they cannot shed.

The mark is a limit on something that no job has, realtime scheduling, and the same number for a whole box. It finds all
of them, whoever their parents are, and tells them from strangers. Freezing comes before killing, until nobody new is
found: what stands still makes no children, so even a bomb of processes is outrun.

The ward of a box uses this, too: standard library only.
"""

import os
import resource
import secrets
import select
import signal

RESOURCE = resource.RLIMIT_RTTIME
"""What is limited: microseconds of realtime scheduling without a pause."""

RANGE = (1 << 61, 1 << 62)
"""Marks lie in between: no other limit on it does, it would be 70,000 years."""


def new_mark() -> int:
    """A number that no other box has."""
    return RANGE[0] + secrets.randbelow(RANGE[1] - RANGE[0])


def is_mark(limit: int) -> bool:
    """Whether this limit is the mark of a box."""
    return RANGE[0] <= limit < RANGE[1]


def mark_of(pid: int) -> int:
    """The mark of a process; -1 when it has none, is gone or somebody else's."""
    try:
        return resource.prlimit(pid, RESOURCE)[1]
    except PermissionError:  # somebody else's, and so no box's of ours; but root may lack the right to ask
        return _told_mark(pid) if os.geteuid() == 0 else -1
    except OSError:
        return -1


def _told_mark(pid: int) -> int:
    """The same from a file that everybody may read, which takes longer."""
    try:
        with open(f"/proc/{pid}/limits", errors="replace") as file:
            told = file.read().partition("Max realtime timeout")[2].split()[1]
    except (OSError, IndexError):
        return -1
    return int(told) if told.isdecimal() else -1


def marked(mark: int) -> list[int]:
    """The processes that bear a mark; those that have ended and were not noticed yet are among them."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if mark_of(pid) == mark]


def signal_marked(mark: int, number: int) -> set[int]:
    """Send a signal to all that bear a mark, and to nobody else; returns them."""
    reached: set[int] = set()
    for pid in marked(mark):
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if mark_of(pid) == mark:  # looked at while the pidfd is held: the number cannot change hands any more
                signal.pidfd_send_signal(pidfd, number)
                reached.add(pid)
        except ProcessLookupError:
            pass
        finally:
            os.close(pidfd)
    return reached


def freeze_marked(mark: int) -> set[int]:
    """Stop all that bear a mark, also what was forked meanwhile; returns them."""
    frozen: set[int] = set()
    while fresh := signal_marked(mark, signal.SIGSTOP) - frozen:
        frozen |= fresh
    return frozen


def end_marked(mark: int) -> int:
    """End all that bear a mark and wait until none of them runs; returns how many there were."""
    ended: set[int] = set()
    while running := {pid for pid in freeze_marked(mark) if not is_zombie(pid)}:
        ended |= running
        signal_marked(mark, signal.SIGKILL)
        select.select([], [], [], 0.002)
    return len(ended)


def is_zombie(pid: int) -> bool:
    """Whether a process has ended: its parent may not have noticed yet."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
