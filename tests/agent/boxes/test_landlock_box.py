"""The box without namespaces: Landlock, distccd, its ward and the kernel."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contracts.box import BoxContract, hung_up
from fakes.hardened import HARDENED, why_not
from fakes.procfs import descriptors, lives, parent, state
from fakes.raw_client import RawClient
from fakes.waiting import comes_true, until

from farmhand.distcc.protocol import request
from farmhand_agent.boxes import landlock_box
from farmhand_agent.boxes.box import BoxGone, BoxPlan
from farmhand_agent.boxes.landlock_box import LandlockBox
from farmhand_agent.limits import priority
from farmhand_agent.traces import marks, processes
from farmhand_agent.traces.leftovers import Leftovers, Trace

PLAN = BoxPlan(slots=2, scratch_mib=64)


def running(script: str) -> bytes:
    """A request that runs a shell script in the box."""
    return request(["gcc", "-wrapper", f"/bin/sh,-c,{script}", "-c", "a.i", "-o", "a.o"], b"int x;\n")


BUSY = running("while :; do :; done")
DEAF = running("trap : TERM; while :; do sleep 1; done")
ORPHANS = running("(sleep 600 & sleep 600 &) ; sleep 600")
BOMB = running("f() { f | f & f; }; f")
FULL = running("cd $TMPDIR; for i in 1 2 3; do head -c 40000000 /dev/zero >$i; done; sleep 600")


@pytest.fixture(params=[None, 4], ids=["newest", "of Linux 6.7"])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[LandlockBox]:
    started = await LandlockBox.start(PLAN, version=request.param)
    yield started
    started.kill()
    async with asyncio.timeout(30):
        await started.gone()
    assert not boxed(started)
    assert not Path(trace(started).folder).exists()


async def test_its_ward_has_nothing_of_the_owners_session(box: LandlockBox) -> None:
    ward, _ = box.pids
    assert Path(f"/proc/{ward}/environ").read_bytes() == b""
    assert os.readlink(f"/proc/{ward}/cwd") == "/"


def trace(box: LandlockBox) -> Trace:
    (one,) = box.traces
    return one


def boxed(box: LandlockBox) -> list[int]:
    """The processes that run in the box, without its ward."""
    return [pid for pid in marks.marked(trace(box).mark) if lives(pid)]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The only folder in which boxes may have theirs."""
    with tempfile.TemporaryDirectory(dir=landlock_box.FOLDERS[0]) as name:
        Path(name).chmod(0o1777)
        monkeypatch.setattr(landlock_box, "FOLDERS", (Path(name),))
        yield Path(name)


class TestLandlockBox(BoxContract):
    @pytest.fixture
    def box(self, box: LandlockBox) -> LandlockBox:
        return box


async def test_it_compiles(box: LandlockBox) -> None:
    with RawClient(await box.connect()) as client:
        await client.say(request(["gcc", "-c", "a.i", "-o", "a.o"], b"int x;\n"))
        assert (await client.reply()).status == 0


async def test_it_is_kept_out_of_the_owners_way(box: LandlockBox) -> None:
    assert box.priority == ("autogroup nice 19" if priority.autogroups() else "nice 19")
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in boxed(box)} == {0 if priority.autogroups() else 19}
    ward, distccd = box.pids
    assert os.getpriority(os.PRIO_PROCESS, ward) == os.getpriority(os.PRIO_PROCESS, 0)
    assert {os.getsid(pid) for pid in boxed(box)} == {distccd}, "one session, one autogroup"
    assert Path(f"/proc/{distccd}/oom_score_adj").read_text() == "1000\n", "the first to go when memory runs out"


async def test_its_members_are_told_the_youngest_first(box: LandlockBox) -> None:
    assert box.members() == sorted(boxed(box), reverse=True)


async def test_what_it_costs_can_be_told(box: LandlockBox) -> None:
    with await box.connect() as connection:
        before = box.cpu_seconds()
        await asyncio.get_running_loop().sock_sendall(connection, BUSY)
        await comes_true(lambda: box.cpu_seconds() - before >= 0.03, within=60.0)
        assert box.memory_mib() > 0


async def test_jobs_that_nobody_may_end_but_the_kernel_are_ended(box: LandlockBox) -> None:
    with await box.connect() as connection:
        before = len(boxed(box))
        await asyncio.get_running_loop().sock_sendall(connection, DEAF)
        await comes_true(lambda: len(boxed(box)) - before >= 2)
        box.kill()
        async with asyncio.timeout(30):
            await box.gone()
        assert await hung_up(connection)


async def test_who_lost_its_parents_is_ended_too(box: LandlockBox) -> None:
    ward, _ = box.pids
    with await box.connect() as connection:
        await asyncio.get_running_loop().sock_sendall(connection, ORPHANS)
        await comes_true(lambda: len(list(processes.tree(ward))) - 1 == len(boxed(box)) > 7)
        await comes_true(lambda: sum(parent(pid) == ward for pid in boxed(box)) >= 3)
        box.kill()
        async with asyncio.timeout(30):
            await box.gone()


async def test_a_bomb_of_processes_is_outrun(box: LandlockBox) -> None:
    with await box.connect() as connection:
        await asyncio.get_running_loop().sock_sendall(connection, BOMB)
        await comes_true(lambda: len(boxed(box)) > 200, within=60.0)
        box.kill()
        async with asyncio.timeout(30):
            await box.gone()


async def test_frozen_it_stands_still_and_thawed_it_goes_on(box: LandlockBox) -> None:
    priority.hasten(box.pids[1])  # else a busy machine would give it next to nothing
    with await box.connect() as connection:
        await asyncio.get_running_loop().sock_sendall(connection, BUSY)
        await comes_true(lambda: box.cpu_seconds() > 0.2, within=60.0)
        box.freeze()
        await comes_true(lambda: {state(pid) for pid in boxed(box)} == {"T"})
        used = box.cpu_seconds()
        await asyncio.sleep(0.2)  # nothing can be observed of a box at rest but that it stays at rest
        assert box.cpu_seconds() == used
        box.thaw()
        await comes_true(lambda: box.cpu_seconds() > used, within=60.0)


async def test_files_that_outgrow_their_room_end_it(box: LandlockBox, caplog: pytest.LogCaptureFixture) -> None:
    with await box.connect() as connection:
        await asyncio.get_running_loop().sock_sendall(connection, FULL)
        async with asyncio.timeout(60):
            await box.gone()
    assert "outgrew" in caplog.text


async def test_a_box_whose_distccd_ends_is_over(box: LandlockBox) -> None:
    _, distccd = box.pids
    os.kill(distccd, signal.SIGKILL)
    async with asyncio.timeout(30):
        await box.gone()
    with pytest.raises(BoxGone):
        await box.connect()


async def test_a_killed_ward_leaves_nothing(box: LandlockBox, caplog: pytest.LogCaptureFixture) -> None:
    ward, _ = box.pids
    with await box.connect() as connection:
        await asyncio.get_running_loop().sock_sendall(connection, DEAF)
        await comes_true(lambda: len(boxed(box)) >= 5)
        os.kill(ward, signal.SIGKILL)
        async with asyncio.timeout(30):
            await box.gone()
    assert "ward" in caplog.text


async def test_thirty_rounds_leave_no_descriptor_no_process_and_no_folder_behind(place: Path) -> None:
    before, children = descriptors(), len(list(processes.tree(os.getpid())))
    for _ in range(30):
        box = await LandlockBox.start(PLAN)
        (await box.connect()).close()
        box.kill()
        await box.gone()
    assert descriptors() == before
    assert len(list(processes.tree(os.getpid()))) == children
    assert not list(place.iterdir())


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 60])
async def test_giving_up_while_it_comes_up_leaves_nothing(place: Path, steps: int) -> None:
    before, children = descriptors(), len(list(processes.tree(os.getpid())))
    starting = asyncio.create_task(LandlockBox.start(PLAN))
    for _ in range(steps):
        await asyncio.sleep(0.001)
    starting.cancel()
    (result,) = await asyncio.gather(starting, return_exceptions=True)
    if isinstance(result, LandlockBox):
        result.kill()
        await result.gone()
    assert descriptors() == before
    assert len(list(processes.tree(os.getpid()))) == children
    assert not list(place.iterdir())


# --- a box that does not come up ----------------------------------------------
def no_program(slots: int) -> list[str]:
    return ["/usr/bin/no-such-program"]


def a_program_that_ends(slots: int) -> list[str]:
    return ["/bin/sh", "-c", "echo no good >&2"]


def a_program_outside(slots: int) -> list[str]:
    return ["/etc/shadow"]


@contextmanager
def stopped(pid: int, most: float) -> Iterator[None]:
    """Stop a process for the length of a block; after `most` seconds it goes on even if this one waits for it."""
    os.kill(pid, signal.SIGSTOP)
    thaw = threading.Timer(most, os.kill, (pid, signal.SIGCONT))
    thaw.start()
    try:
        yield
    finally:
        thaw.cancel()
        os.kill(pid, signal.SIGCONT)


async def test_giving_up_keeps_nobody_waiting_for_a_ward_that_is_slow_to_go() -> None:
    before, loop = set(processes.tree(os.getpid())), asyncio.get_running_loop()
    starting = asyncio.create_task(LandlockBox.start(PLAN))
    await asyncio.sleep(0)  # it now waits for its ward's first word
    (ward,) = set(processes.tree(os.getpid())) - before
    with stopped(ward, most=20):
        began = loop.time()
        starting.cancel()
        await asyncio.sleep(0.02)
        assert loop.time() - began < 10
    await asyncio.gather(starting, return_exceptions=True)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (no_program, "Landlock made no box: .*No such file"),
        (a_program_that_ends, "ended at once: no good"),
        (a_program_outside, "Landlock made no box: .*Permission denied"),
    ],
)
async def test_why_it_does_not_come_up_is_told(
    monkeypatch: pytest.MonkeyPatch, place: Path, command: object, told: str
) -> None:
    """A machine whose distccd is none: the walls are the same."""
    monkeypatch.setattr("farmhand_agent.boxes.landlock.distccd_command", command)
    before = descriptors()
    with pytest.raises(BoxGone, match=told):
        await LandlockBox.start(PLAN)
    assert descriptors() == before
    assert not list(place.iterdir())
    assert "a box behind Landlock does not come up" in await landlock_box.why_unusable()


async def test_it_works_here() -> None:
    assert await landlock_box.why_unusable() == ""


def one_that_hangs_up(slots: int) -> list[str]:
    hang_up = "import socket; port = socket.socket(fileno=0)\nwhile True: port.accept()[0].close()"
    return ["/usr/bin/python3", "-I", "-S", "-c", hang_up]


async def test_a_distccd_that_would_refuse_the_gate_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farmhand_agent.boxes.landlock.distccd_command", one_that_hangs_up)
    assert "serves nobody" in await landlock_box.why_unusable()


async def test_nowhere_to_put_its_files_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(landlock_box, "FOLDERS", (tmp_path / "nowhere",))
    with pytest.raises(BoxGone, match=r"no folder for a box can be made in .*nowhere"):
        await LandlockBox.start(PLAN)


# --- crashes ------------------------------------------------------------------
HOLD = """
import asyncio, sys
from pathlib import Path
from farmhand_agent.boxes.landlock_box import LandlockBox
from farmhand_agent.boxes.box import BoxPlan
from farmhand_agent.traces.leftovers import Leftovers
async def main():
    box = await LandlockBox.start(BoxPlan(2, 64))
    Leftovers(Path(sys.argv[1])).add(box.pids, box.traces)
    print(*box.pids, box.traces[0].mark, box.traces[0].folder, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """Start an agent that holds a box and tells of it: ward, distccd, mark and folder."""
    words = [sys.executable, "-c", HOLD, str(folder / "boxes.json")]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_a_killed_agent_takes_its_boxes_along(tmp_path: Path) -> None:
    with hold(tmp_path) as agent:
        assert agent.stdout is not None
        _, _, mark, folder = agent.stdout.readline().split()
        assert len(marks.marked(int(mark))) > 1
        os.kill(agent.pid, signal.SIGKILL)
    until(lambda: not marks.marked(int(mark)) and not Path(folder).exists())


async def test_the_next_start_clears_what_a_crash_of_agent_and_ward_left(tmp_path: Path) -> None:
    with hold(tmp_path) as agent:
        assert agent.stdout is not None
        ward, _, mark, folder = agent.stdout.readline().split()
        for pid in (agent.pid, int(ward)):
            os.kill(pid, signal.SIGSTOP)  # so that neither tidies up after the other
        os.kill(int(ward), signal.SIGKILL)
        os.kill(agent.pid, signal.SIGKILL)
    assert Path(folder).is_dir()
    assert await Leftovers(tmp_path / "boxes.json").clear() >= 1
    assert not any(map(lives, marks.marked(int(mark))))
    assert not Path(folder).exists()


# --- a machine that allows no namespaces ---------------------------------------
TRY = """
import asyncio
from farmhand_agent.boxes import sandboxes
print((found := asyncio.run(sandboxes.choose("auto"))).name, "|", found.weaker)
"""


@pytest.mark.skipif(why_not() != "", reason=why_not() or "-")
def test_an_ordinary_user_of_a_hardened_machine_has_it_instead_of_bubblewraps() -> None:
    done = subprocess.run(
        [*HARDENED, sys.executable, "-c", TRY], capture_output=True, text=True, check=True, timeout=60
    )
    name, _, weaker = done.stdout.partition("|")
    assert name.strip() == "Landlock"
    assert "bubblewrap would be stronger: bubblewrap cannot make a sandbox here" in weaker
