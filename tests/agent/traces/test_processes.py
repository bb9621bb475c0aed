"""Small answers about processes, about real ones."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes import procfs
from fakes.procfs import lives
from fakes.waiting import comes_true, until

from farmhand_agent.traces import processes


async def test_waiting_for_a_pipe_ends_when_it_can_be_read() -> None:
    reading, writing = os.pipe()
    waiting = asyncio.create_task(processes.readable(reading))
    await asyncio.sleep(0)
    assert not processes.is_readable(reading)
    assert not waiting.done()
    os.write(writing, b"x")
    async with asyncio.timeout(30):
        await waiting
        await processes.readable(reading)
    os.close(reading)
    os.close(writing)


async def test_giving_up_waiting_leaves_the_descriptor_alone() -> None:
    reading, writing = os.pipe()
    waiting = asyncio.create_task(processes.readable(reading))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not asyncio.get_running_loop().remove_reader(reading)
    os.close(reading)
    os.close(writing)


async def test_a_child_is_awaited_without_a_thread() -> None:
    child = start("sh", "-c", "read x; exit 7")
    waiting = asyncio.create_task(processes.ended(child))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert child.stdin is not None
    child.stdin.close()
    async with asyncio.timeout(30):
        assert await waiting == 7
        assert await processes.ended(child) == 7


def test_only_descendants_of_the_one_that_is_held_are_held() -> None:
    child = nested()
    own = os.pidfd_open(child.pid)
    until(lambda: len(list(processes.tree(child.pid))) == 3)
    with processes.held_tree(child.pid, own) as pidfds:
        assert len(pidfds) == 3
        assert pidfds[0] == own
        processes.send(pidfds, signal.SIGKILL)
        processes.send(pidfds, signal.SIGKILL)  # who has ended misses nothing
        child.wait()
    with processes.held_tree(os.getpid(), own) as pidfds:
        assert pidfds == [own], "a parent that has ended vouches for nobody, though its number is somebody else's now"
    os.close(own)
    assert child.stderr is not None
    child.stderr.close()


def start(*words: str) -> subprocess.Popen[bytes]:
    """A child that reads from us."""
    return subprocess.Popen(words, stdin=subprocess.PIPE)


def nested() -> subprocess.Popen[bytes]:
    """A child with a grandchild."""
    return subprocess.Popen(["sh", "-c", "sh -c 'sleep 60; :' & wait"], stderr=subprocess.PIPE, start_new_session=True)


def test_a_tree_is_listed_parents_first() -> None:
    child = nested()
    until(lambda: [procfs.name(pid) for pid in processes.tree(child.pid)] == ["sh", "sh", "sleep"])
    assert next(processes.tree(child.pid)) == child.pid
    os.killpg(child.pid, 9)
    child.communicate()


def test_of_a_process_that_is_gone_there_is_a_bare_tree_and_no_cost() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert list(processes.tree(child.pid)) == [child.pid]
    assert processes.cpu_seconds(child.pid) == 0.0
    assert processes.memory_mib(child.pid) == 0.0


async def test_ending_a_tree_leaves_nobody() -> None:
    child = nested()
    await comes_true(lambda: len(list(processes.tree(child.pid))) == 3)
    pids = list(processes.tree(child.pid))
    async with asyncio.timeout(30):
        await processes.end_tree(child)
    assert not any(map(lives, pids))
    assert child.returncode == -9


async def test_ending_a_tree_that_has_ended_is_fine() -> None:
    child = start("true")
    child.communicate()
    await processes.end_tree(child)


def test_work_costs_cpu_also_that_of_children_awaited() -> None:
    burn = "import time\nwhile time.process_time() < 0.15: pass\n"
    child = subprocess.Popen(
        ["sh", "-c", f"{sys.executable} -S -c '{burn}'; echo done; read x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"done\n"
    assert 0.1 <= processes.cpu_seconds(child.pid) < 5
    child.communicate()


def test_memory_is_counted_in_mebibytes_without_what_is_shared() -> None:
    before = processes.memory_mib(os.getpid())
    held = bytearray(os.urandom(1)) * (32 << 20)
    assert 28 < processes.memory_mib(os.getpid()) - before < 40
    del held


DEEP = """
import os, sys
for depth in range(int(sys.argv[1])):
    if os.fork():
        os.wait()
        os._exit(0)
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def calls_nested_at_most(deeper: int) -> Iterator[None]:
    """Let functions call each other only so much deeper than here."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + deeper)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def test_a_family_of_any_depth_is_counted() -> None:
    depth = 300
    words = [sys.executable, "-S", "-c", DEEP, str(depth)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as oldest:
        assert oldest.stdout is not None
        assert oldest.stdin is not None
        oldest.stdout.readline()
        with calls_nested_at_most(depth // 2):
            assert len(list(processes.tree(oldest.pid))) == depth + 1
        oldest.stdin.close()


def test_a_process_may_call_itself_anything() -> None:
    name = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'\\xff\\xfe'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as strange:
        assert strange.stdout is not None
        assert strange.stdin is not None
        strange.stdout.readline()
        assert processes.cpu_seconds(strange.pid) >= 0.0
        assert Path(f"/proc/{strange.pid}/comm").read_bytes() == b"\xff\xfe\n"
        strange.stdin.close()
