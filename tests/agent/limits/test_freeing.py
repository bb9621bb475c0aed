"""The kernel frees what is dying, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fakes.waiting import PATIENCE, until

from farmhand_agent.limits import freeing

GREEDY = """
import select
held = b"x" * (32 << 20)
print("full", flush=True)
while not select.select([0], [], [], 0)[0]: pass
print(len(held))
"""
STRANGER = """
from farmhand_agent.limits import freeing
print("ready", flush=True)
sys.stdin.readline()
print(freeing.free([int(sys.argv[1])]))
"""
BUSY = "print('full', flush=True)\nwhile True: pass"


@pytest.fixture
def greedy() -> Iterator[subprocess.Popen[str]]:
    """A process with 32 MiB that always wants to run and seldom may: it has the lowest priority and a busy neighbour.

    One that slept would be woken to die, and be quicker than we are.
    """
    own = os.sched_getaffinity(0)
    with ExitStack() as stack:
        os.sched_setaffinity(0, {min(own)})
        try:
            greedy, _ = (stack.enter_context(_started(code)) for code in (GREEDY, BUSY))
        finally:
            os.sched_setaffinity(0, own)
        os.sched_setscheduler(greedy.pid, os.SCHED_IDLE, os.sched_param(0))
        until(lambda: _waits(greedy.pid))
        yield greedy


def _waits(pid: int) -> bool:
    """Whether a process had no processor for 5 ms; see schedstats of the kernel's documentation."""
    before = Path(f"/proc/{pid}/schedstat").read_text()
    time.sleep(0.005)
    return before.split()[0] == Path(f"/proc/{pid}/schedstat").read_text().split()[0]


def _resident(pid: int) -> int:
    """KiB of memory that a process holds; 0 when it has died."""
    told = Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()
    return int(told[0]) if told else 0


@contextmanager
def _started(code: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "full\n"
        yield started
        started.kill()


def test_who_waits_to_die_is_freed(greedy: subprocess.Popen[str]) -> None:
    greedy.kill()
    assert freeing.free([greedy.pid]) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_no_privilege_is_needed(greedy: subprocess.Popen[str]) -> None:
    code = Path(freeing.__file__).parents[2]
    program = f"import sys; sys.path.insert(0, {str(code)!r})\n{STRANGER}"
    command = ["/usr/bin/python3", "-c", program, str(greedy.pid)]
    with subprocess.Popen(command, user="nobody", stdin=-1, stdout=-1, text=True, cwd="/") as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == "ready\n"
        greedy.kill()
        assert stranger.communicate("\n")[0] == "1\n"


def test_all_boxes_are_helped(greedy: subprocess.Popen[str]) -> None:
    greedy.kill()
    freeing.help_to_die([lambda: [], lambda: [greedy.pid]])
    until(lambda: _resident(greedy.pid) < 32 << 10)
    freeing.help_to_die([])


def test_nobody_waits_long_for_it() -> None:
    let_go = threading.Event()

    def find() -> list[int]:
        let_go.wait(2 * PATIENCE)
        return []

    began = time.monotonic()
    freeing.help_to_die([find])
    assert time.monotonic() - began < PATIENCE
    let_go.set()


def test_who_lives_keeps_all(greedy: subprocess.Popen[str]) -> None:
    assert freeing.free([greedy.pid]) == 0
    os.sched_setscheduler(greedy.pid, os.SCHED_OTHER, os.sched_param(0))
    assert greedy.communicate("\n")[0] == f"{32 << 20}\n"


def test_who_is_gone_has_nothing_left() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert freeing.free([gone.pid]) == 0
    assert freeing.free([]) == 0
