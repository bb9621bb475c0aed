"""What it takes to stop, continue and end a box with running compilers, with a control group and without.

For each: how long the agent is kept from everything else, and when it is done. Where no control group can be made, that
half is left out and said so.

    python -m benchmarks.box --rounds 20 --jobs 4
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable

from farmhand.distcc.protocol import request
from farmhand_agent.boxes.box import Box, BoxPlan
from farmhand_agent.limits.enclosure import AnyCell, Cell, Enclosure, NoCell
from farmhand_agent.traces import processes
from tests.fakes import procfs
from tests.fakes.cgroups import real_group, why_no_real_ones

ENDLESS = request(["gcc", "-wrapper", "/bin/sh,-c,while :; do :; done", "-c", "a.i", "-o", "a.o"], b"int x;\n")


async def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args()
    print(f"box with {options.jobs} busy compilers, {options.rounds} rounds, ms{'median':>28}{'max':>8}")
    await _measure("signals", NoCell, options.rounds, options.jobs)
    if why := why_no_real_ones():
        print(f"control group: {why}")
        return 0
    with real_group("farmhand-bench") as top:
        await _measure("control group", Enclosure(top).cell, options.rounds, options.jobs)
    return 0


async def _measure(name: str, cell: Callable[[], AnyCell], rounds: int, jobs: int) -> None:
    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        for what, milliseconds in (await _round(cell(), jobs)).items():
            took.setdefault(what, []).append(milliseconds)
    for what, values in took.items():
        print(f"{name:14} {what:38}{statistics.median(values):14.2f}{max(values):8.2f}")


async def _round(cell: AnyCell, jobs: int) -> dict[str, float]:
    """Milliseconds of everything, once."""
    began = time.perf_counter()
    box = await Box.start(BoxPlan(jobs, 64), cell)
    took = {"start to first answer": _since(began)}
    clients = [await box.connect() for _ in range(jobs)]
    for client in clients:
        client.send(ENDLESS)
    while sum(map(_spins, processes.tree(box.init))) < jobs:
        pass
    began = time.perf_counter()
    box.freeze()
    took["freeze, the agent waits"] = _since(began)
    while not _stands_still(box, cell):
        pass
    took["freeze, everything stands still"] = _since(began)
    began = time.perf_counter()
    box.thaw()
    took["thaw, the agent waits"] = _since(began)
    began = time.perf_counter()
    box.kill()
    took["kill, the agent waits"] = _since(began)
    await box.gone()
    took["kill, nothing is left"] = _since(began)
    for client in clients:
        client.close()
    return took


def _stands_still(box: Box, cell: AnyCell) -> bool:
    if isinstance(cell, Cell):
        return "frozen 1" in cell.group.read("cgroup.events")
    return {procfs.state(pid) for pid in processes.tree(box.init)} == {"T"}


def _spins(pid: int) -> bool:
    return procfs.command_line(pid).startswith("/bin/sh")


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
