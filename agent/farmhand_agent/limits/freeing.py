"""Frees the memory of the killed in their place: that is most of what a compiler has to do to die.

1. All that die in a box are one session, to which the kernel gives one share of the processors. The agent has a share
   of its own, and nothing better to do with it: so its loop waits meanwhile, but never for longer than `HELP`.
2. The kernel frees only what is dying anyway, and refuses everything else. So a number that has changed hands meanwhile
   costs a stranger nothing.
3. It is a help and nothing a must: before Linux 5.15 there is no such call, and who dies faster needs none.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

HELP = 0.05
"""Seconds for which to wait at most. The thread goes on: it may stand behind somebody who has to be scheduled first."""

PROCESS_MRELEASE = 448
"""The system call's number on all architectures but Alpha; process_mrelease(2)."""

_libc = ctypes.CDLL(None, use_errno=True)
_thread = ThreadPoolExecutor(1, "freeing")


def help_to_die(groups: Sequence[Callable[[], Iterable[int]]]) -> None:
    """Free the memory of all that were killed, to be called once all are.

    Args:
        groups: each finds the pids of one box, those first that hold the most.
    """
    if groups:
        with contextlib.suppress(TimeoutError):
            _thread.submit(lambda: [free(find()) for find in groups]).result(HELP)


def free(pids: Iterable[int]) -> int:
    """Free the memory of those that are dying, in this order; returns how many had some left."""
    return sum(_free(pid) for pid in pids)


def _free(pid: int) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        return int(_libc.syscall(PROCESS_MRELEASE, pidfd, 0)) == 0
    finally:
        os.close(pidfd)
