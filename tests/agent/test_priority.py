"""Farm jobs stay out of the owner's way."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmhand_agent import priority


@pytest.fixture
def session() -> Iterator[int]:
    """The leader of a session of its own."""
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield sleeper.pid
    sleeper.kill()
    sleeper.wait()


def child(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words)


class Proc:
    """A procfs that says what the test wants."""

    def __init__(self, root: Path, switch: str | None) -> None:
        self.root = root
        if switch is not None:
            (root / "sys/kernel").mkdir(parents=True)
            (root / "sys/kernel/sched_autogroup_enabled").write_text(switch)

    def autogroup(self, pid: int) -> Path:
        (self.root / str(pid)).mkdir()
        return self.root / str(pid) / "autogroup"


async def test_with_autogroups_the_whole_session_steps_back(tmp_path: Path, session: int) -> None:
    proc = Proc(tmp_path, "1\n")
    autogroup = proc.autogroup(session)
    autogroup.touch()
    assert await priority.lower([session], proc.root) == "autogroup nice 19"
    assert autogroup.read_text() == "19"
    assert os.getpriority(os.PRIO_PROCESS, session) == 19


@pytest.mark.parametrize("switch", ["0\n", None])
async def test_without_autogroups_nice_is_enough(tmp_path: Path, session: int, switch: str | None) -> None:
    assert await priority.lower([session], Proc(tmp_path, switch).root) == "nice 19"
    assert os.getpriority(os.PRIO_PROCESS, session) == 19


async def test_an_autogroup_that_refuses_is_told(tmp_path: Path, session: int) -> None:
    proc = Proc(tmp_path, "1\n")
    proc.autogroup(session).mkdir()
    told = await priority.lower([session], proc.root)
    assert told == "nice 19 only: the autogroup could not be lowered (Is a directory)"


async def test_a_process_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = child("true")
    gone.wait()
    assert await priority.lower([gone.pid], tmp_path) == "normal priority: nice was refused (No such process)"


def test_hastening_lifts_the_session_again(tmp_path: Path) -> None:
    autogroup = Proc(tmp_path, "1\n").autogroup(7)
    autogroup.write_text("19")
    priority.hasten(7, tmp_path)
    assert autogroup.read_text() == "0"


def test_hastening_what_is_gone_does_nothing(tmp_path: Path) -> None:
    priority.hasten(7, tmp_path)


# --- the real kernel --------------------------------------------------------
needs_autogroups = pytest.mark.skipif(not priority.autogroups(), reason="this kernel does not group by session")


def nice_of_autogroup(pid: int) -> str:
    return Path(f"/proc/{pid}/autogroup").read_text().split()[-1]


@needs_autogroups
async def test_the_kernel_believes_it(session: int) -> None:
    assert await priority.lower([session]) == "autogroup nice 19"
    assert nice_of_autogroup(session) == "19"
    assert os.getpriority(os.PRIO_PROCESS, session) == 19
    priority.hasten(session)
    assert nice_of_autogroup(session) == "0"


LOWER_TWO = """
import asyncio, subprocess
from farmhand_agent import priority
async def main():
    sleepers = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2)]
    try:
        for told in await asyncio.gather(*(priority.lower([one.pid]) for one in sleepers)):
            print(told)
    finally:
        for one in sleepers:
            one.kill()
            one.wait()
asyncio.run(main())
"""


@needs_autogroups
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_may_lower_two_sessions_at_once() -> None:
    """The kernel lets an ordinary user change one autogroup in 100 ms."""
    code = Path(priority.__file__).parents[1]
    program = f"import sys; sys.path.insert(0, {str(code)!r})\n{LOWER_TWO}"
    done = subprocess.run(
        ["/usr/bin/python3", "-c", program], user="nobody", capture_output=True, text=True, timeout=30, cwd="/"
    )
    assert done.stdout.splitlines() == ["autogroup nice 19"] * 2, done.stderr
