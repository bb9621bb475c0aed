"""Frozen jobs stand still, use no processor time, and end well once they may go on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fakes.cgroups import real_group, why_no_real_ones
from fakes.procfs import state
from fakes.waiting import comes_true

from farmhand_agent.boxes.box import Box, BoxPlan
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.limits import priority
from farmhand_agent.limits.enclosure import Cell, Enclosure, NoCell
from farmhand_agent.traces import processes

SOURCE = "#include <map>\n#include <regex>\n#include <string>\nstd::map<int, std::regex> m;\n"


@pytest.fixture(params=["by signals", "by control group"])
async def gate(request: pytest.FixtureRequest) -> AsyncIterator[Gate]:
    admission = Admission.of("ws1", bytes(32), ["127.0.0.0/8"])
    with ExitStack() as stack:
        enclosure = None
        if request.param == "by control group":
            if why := why_no_real_ones():
                pytest.skip(why)
            enclosure = Enclosure(stack.enter_context(real_group("farmhand-test")))
        cell = enclosure.cell if enclosure else NoCell

        async def start() -> Box:
            box = await Box.start(BoxPlan(2), cell())
            priority.hasten(box.init)
            if enclosure is not None:
                enclosure.top.hasten()
            return box

        made = Gate(start, admission, Patience(), lambda: None)
        await made.open("127.0.0.1", 0, 2)
        yield made
        made.shut()
        await made.gone()


async def compile_through(gate: Gate, folder: Path) -> asyncio.subprocess.Process:
    assert gate.address is not None
    (folder / "slow.cc").write_text(SOURCE)
    environ = {**os.environ, "DISTCC_HOSTS": f"127.0.0.1:{gate.address[1]}/2", "DISTCC_FALLBACK": "0"}
    command = ("distcc", "g++", "-O1", "-c", "slow.cc", "-o", "slow.o")
    return await asyncio.create_subprocess_exec(*command, cwd=folder, env={**environ, "DISTCC_DIR": str(folder)})


async def until_busy(gate: Gate) -> None:
    await comes_true(lambda: gate.cpu_seconds() >= 0.2, "the compiler works", within=60)


def stands_still(gate: Gate) -> bool:
    """Whether nothing in any box can run: by the account of its control group, or by the state of each process."""
    assert gate._boxes is not None
    for box in gate._boxes._running:
        assert isinstance(box, Box)
        if isinstance(box._cell, Cell):
            if "frozen 1" not in box._cell.group.read("cgroup.events"):
                return False
        elif {state(pid) for pid in processes.tree(box.init)} != {"T"}:
            return False
    return True


async def test_a_frozen_job_uses_no_time_and_ends_well_after_the_thaw(gate: Gate, tmp_path: Path) -> None:
    client = await compile_through(gate, tmp_path)
    await until_busy(gate)
    began = time.monotonic()
    gate.freeze()
    took = time.monotonic() - began
    await comes_true(lambda: stands_still(gate))
    stood = time.monotonic() - began
    used = gate.cpu_seconds()
    await asyncio.sleep(0.5)  # nothing can be observed of a machine at rest but that it stays at rest
    assert gate.cpu_seconds() == used
    assert client.returncode is None
    gate.thaw()
    assert await asyncio.wait_for(client.wait(), 60) == 0
    assert (tmp_path / "slow.o").stat().st_size > 0
    print(f"all jobs told to stop in {took * 1e3:.1f} ms, stopped in {stood * 1e3:.1f} ms")


async def test_a_frozen_job_can_be_ended(gate: Gate, tmp_path: Path) -> None:
    client = await compile_through(gate, tmp_path)
    await until_busy(gate)
    gate.freeze()
    gate.shut()
    await asyncio.wait_for(gate.gone(), 30)
    assert await asyncio.wait_for(client.wait(), 30) != 0
