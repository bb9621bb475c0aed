"""The real box: bubblewrap, distccd and the kernel."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contracts.box import BoxContract, hung_up
from fakes.procfs import descriptors, lives
from fakes.waiting import comes_true, until

from farmhand.distcc.protocol import ReplyReader, request
from farmhand_agent.boxes.box import BATCH, Box, BoxGone, BoxPlan
from farmhand_agent.limits import priority
from farmhand_agent.traces import processes

PLAN = BoxPlan(slots=2, scratch_mib=64)
COMPILE = request(["gcc", "-c", "a.i", "-o", "a.o"], b"int x;\n")
BUSY = request(["gcc", "-wrapper", "/bin/sh,-c,while :; do :; done", "-c", "a.i", "-o", "a.o"], b"int x;\n")
ENDLESS = request(
    ["gcc", "-wrapper", "/bin/sh,-c,trap : TERM; while :; do sleep 1; done", "-c", "a.i", "-o", "a.o"], b"int x;\n"
)


@pytest.fixture
async def box() -> AsyncIterator[Box]:
    started = await Box.start(PLAN)
    yield started
    started.kill()
    async with asyncio.timeout(30):
        await started.gone()


class TestRealBox(BoxContract):
    @pytest.fixture
    def box(self, box: Box) -> Box:
        return box


async def compile_in(box: Box) -> int | None:
    """Let the box compile something and return the compiler's status."""
    loop = asyncio.get_running_loop()
    reader = ReplyReader(1)
    async with asyncio.timeout(60):
        with await box.connect() as connection:
            await loop.sock_sendall(connection, COMPILE)
            while not reader.complete and (data := await loop.sock_recv(connection, 1 << 16)):
                reader.feed(data)
    return reader.status


async def test_it_compiles(box: Box) -> None:
    assert await compile_in(box) == 0


async def test_what_it_costs_can_be_told(box: Box) -> None:
    loop = asyncio.get_running_loop()
    with await box.connect() as connection:
        await loop.sock_sendall(connection, BUSY)
        await comes_true(lambda: box.cpu_seconds() >= 0.03, within=60.0)
        assert box.memory_mib() > 0


async def test_it_is_kept_out_of_the_owners_way(box: Box) -> None:
    assert box.priority == ("autogroup nice 19" if priority.autogroups() else "nice 19")
    nice = 0 if priority.autogroups() else 19
    for pid in processes.tree(box.init):
        assert os.getpriority(os.PRIO_PROCESS, pid) == nice


async def test_its_members_are_told_the_youngest_first(box: Box) -> None:
    members = box.members()
    assert sorted(members) == sorted(processes.tree(box.init))
    assert members[-1] == box.init


async def test_it_answers_a_hundred_times(box: Box) -> None:
    for _ in range(100):
        (await box.connect()).close()


async def test_it_answers_more_at_once_than_it_keeps_sockets_for(box: Box) -> None:
    async with asyncio.timeout(60):
        connections = await asyncio.gather(*(box.connect() for _ in range(3 * BATCH)))
    assert len({one.fileno() for one in connections}) == 3 * BATCH
    for one in connections:
        one.close()


async def test_who_gives_up_connecting_spoils_it_for_nobody(box: Box) -> None:
    first = [await box.connect() for _ in range(BATCH - 1)]
    waiting = [asyncio.create_task(box.connect()) for _ in range(BATCH)]
    await asyncio.sleep(0)
    for one in waiting[::2]:
        one.cancel()
    async with asyncio.timeout(60):
        results = await asyncio.gather(*waiting, return_exceptions=True)
    got = [one for one in results if not isinstance(one, BaseException)]
    assert len(got) >= len(waiting[1::2])
    assert all(isinstance(one, asyncio.CancelledError) for one in results if isinstance(one, BaseException))
    for connection in (*first, *got):
        connection.close()


async def test_a_kill_ends_even_a_compiler_that_is_deaf(box: Box) -> None:
    loop = asyncio.get_running_loop()
    with await box.connect() as connection:
        before = set(processes.tree(box.init))
        await loop.sock_sendall(connection, ENDLESS)
        await comes_true(lambda: len(set(processes.tree(box.init)) - before) >= 2)
        inside = set(processes.tree(box.init))
        box.kill()
        async with asyncio.timeout(30):
            await box.gone()
        assert await hung_up(connection)
    assert not any(map(lives, inside))


async def test_thirty_rounds_leave_no_descriptor_and_no_process_behind() -> None:
    before, children = descriptors(), len(list(processes.tree(os.getpid())))
    for _ in range(30):
        box = await Box.start(PLAN)
        (await box.connect()).close()
        box.kill()
        await box.gone()
    assert descriptors() == before
    assert len(list(processes.tree(os.getpid()))) == children


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 60])
async def test_giving_up_while_it_comes_up_leaves_nothing(steps: int) -> None:
    before, children = descriptors(), len(list(processes.tree(os.getpid())))
    starting = asyncio.create_task(Box.start(PLAN))
    for _ in range(steps):
        await asyncio.sleep(0.001)
    starting.cancel()
    (result,) = await asyncio.gather(starting, return_exceptions=True)
    if isinstance(result, Box):
        result.kill()
        await result.gone()
    assert descriptors() == before
    assert len(list(processes.tree(os.getpid()))) == children


async def test_a_box_that_cannot_be_made_is_told_in_bubblewraps_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    tmp_path.parent.parent.chmod(0o755)
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    before = descriptors()
    with pytest.raises(BoxGone, match="made no box: bwrap: setting up uid map: Permission denied"):
        await Box.start(PLAN)
    assert descriptors() == before


async def test_no_bubblewrap_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    before = descriptors()
    with pytest.raises(BoxGone, match="does not start"):
        await Box.start(PLAN)
    assert descriptors() == before


async def test_what_makes_its_sockets_has_nothing_of_the_owners_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that does is told apart by what it is run with: a Python that notes its environment."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncat /proc/$$/environ > {tmp_path}/environ\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    box = await Box.start(PLAN)
    box.kill()
    await box.gone()
    assert (tmp_path / "environ").read_bytes() == b""


def no_distccd(slots: int) -> list[str]:
    return ["false"]


async def test_a_distccd_that_does_not_come_up_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose distccd ends at once: here one that is no program at all inside the box."""
    monkeypatch.setattr("farmhand_agent.boxes.sandbox.distccd_command", no_distccd)
    before = descriptors()
    with pytest.raises(BoxGone):
        await Box.start(PLAN)
    assert descriptors() == before


HOLD = """
import asyncio
from farmhand_agent.boxes.box import Box, BoxPlan
async def main():
    box = await Box.start(BoxPlan(2, 64))
    print(box.init, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_a_killed_agent_takes_its_boxes_along() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        init = int(agent.stdout.readline())
        inside = list(processes.tree(init))
        assert len(inside) > 1
        os.kill(agent.pid, signal.SIGKILL)
    until(lambda: not any(map(lives, inside)))
