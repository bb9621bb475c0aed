"""Farm jobs stay out of the owner's way."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmhand_agent.limits import priority


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
    assert os.getpriority(os.PRIO_PROCESS, session) == 0, "an ordinary user could not take that back"


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


@pytest.mark.parametrize(
    ("line", "file", "grouped"),
    [
        ("0::/", "", False),
        ("0::/user.slice/app.slice/farm.scope", "", False),
        ("0::/user.slice/app.slice/farm.scope", "user.slice/app.slice/cpu.weight", True),
        ("0::/user.slice/app.slice/farm.scope", "unified/user.slice/cpu.weight", True),
        ("0::/user.slice", "user.slice/app.slice/cpu.weight", False),
        ("0::/", "cpu.weight", True),  # in a container, whose root is none
        ("4:memory:/farm", "", False),
        ("5:cpu,cpuacct:/farm", "", True),
        ("5:cpu,cpuacct:/", "", False),
    ],
)
async def test_autogroups_count_only_outside_of_groups_for_processors(
    tmp_path: Path, session: int, line: str, file: str, grouped: bool
) -> None:
    proc, groups = Proc(tmp_path, "1\n"), tmp_path / "cgroups"
    proc.autogroup(session).touch()
    (proc.root / str(session) / "cgroup").write_text(f"9:name=systemd:/x\n{line}\n")
    (groups / file).parent.mkdir(parents=True, exist_ok=True)
    if file:
        (groups / file).touch()
    told = await priority.lower([session], proc.root, groups)
    only = "nice 19 only: a control group shares the processors out"
    assert told == (only if grouped else "autogroup nice 19")
    assert os.getpriority(os.PRIO_PROCESS, session) == (19 if grouped else 0)


def test_hastening_lifts_the_session_again(tmp_path: Path) -> None:
    autogroup = Proc(tmp_path, "1\n").autogroup(7)
    autogroup.write_text("19")
    assert priority.hasten(7, tmp_path)
    assert autogroup.read_text() == "0"


def test_hastening_what_is_gone_does_nothing(tmp_path: Path) -> None:
    assert priority.hasten(7, tmp_path)


# --- the real kernel --------------------------------------------------------
needs_autogroups = pytest.mark.skipif(not priority.autogroups(), reason="this kernel does not group by session")


def nice_of_autogroup(pid: int) -> str:
    return Path(f"/proc/{pid}/autogroup").read_text().split()[-1]


@needs_autogroups
async def test_the_kernel_believes_it(session: int) -> None:
    assert await priority.lower([session]) == "autogroup nice 19"
    assert nice_of_autogroup(session) == "19"
    assert priority.hasten(session)
    assert nice_of_autogroup(session) == "0"


TWO_SESSIONS = """
import asyncio, subprocess
from pathlib import Path
from farmhand_agent.limits import priority
async def main():
    sleepers = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2)]
    try:
        for told in await asyncio.gather(*(priority.lower([one.pid]) for one in sleepers)):
            print(told)
        print([priority.hasten(one.pid) for one in sleepers * 10])
        await asyncio.gather(*(priority.hasten_patiently(one.pid) for one in sleepers))
        print([Path(f"/proc/{one.pid}/autogroup").read_text().split()[-1] for one in sleepers])
    finally:
        for one in sleepers:
            one.kill()
            one.wait()
asyncio.run(main())
"""


@needs_autogroups
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_lowers_and_hastens_two_sessions_by_asking_again() -> None:
    """The kernel lets an ordinary user change one autogroup in 100 ms."""
    code = Path(priority.__file__).parents[2]
    program = f"import sys; sys.path.insert(0, {str(code)!r})\n{TWO_SESSIONS}"
    done = subprocess.run(
        ["/usr/bin/python3", "-c", program], user="nobody", capture_output=True, text=True, timeout=60, cwd="/"
    )
    *lowered, hastened, nice = done.stdout.splitlines()
    assert lowered == ["autogroup nice 19"] * 2, done.stderr
    assert "False" in hastened, "the kernel has become more generous: asking again is not needed any more"
    assert nice == "['0', '0']"
