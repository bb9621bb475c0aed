"""What an agent costs while nothing happens: CPU time, wake-ups and memory, first not lent and then lent and unused.

A real agent on a display of its own; its boxes and the helpers of its senses count with it. Beside it, what a registry
costs that has no host, and one.

    python -m benchmarks.idle [--seconds 30]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.rest import runtime, yardstick
from farmhand_agent.traces.processes import tree
from tests.whole.stage import Stage, Workstation

SETTLE = 65.0
"""Seconds after a change of state before measuring: senses that find no source ask ever more seldom, in the end each
minute."""

GOALS = {"not lent": 1.0, "lent and unused": 3.0}
"""CPU seconds an hour."""

MAX_PSS = 30.0
"""MiB of the agent itself."""


def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each of the two states (default: 30)")
    options = parser.parse_args()
    print(
        f"{'':18}{'CPU s/h':>10}{'of it the agent':>17}{'wake-ups/s':>12}{'PSS MiB':>9}{'boxes MiB':>11}"
        f"{'registry CPU s/h':>18}  goals, Qt"
    )
    with Stage() as stage:
        stage.open_registry()
        station = stage.workstation("bench", lend="never", busy_above=1)
        station.wait("kept")
        _row("not lent", station, stage.registry_process, options.seconds)
        station.say("lend")
        station.wait("lent")
        _row("lent and unused", station, stage.registry_process, options.seconds)
        print(f"an empty wake-up of such a program costs {yardstick() * 1000:.2f} ms here")
    return 0


def _row(name: str, station: Workstation, registry: subprocess.Popen[bytes] | None, seconds: float) -> None:
    assert station.process is not None
    assert registry is not None
    agent = station.process.pid
    time.sleep(SETTLE)
    before, own, woken, served = _cpu(agent), runtime(agent), _switches(agent), runtime(registry.pid)
    time.sleep(seconds)
    used, own, woken = _cpu(agent) - before, runtime(agent) - own, _switches(agent) - woken
    hourly, serving = used * 3600 / seconds, (runtime(registry.pid) - served) * 3600 / seconds
    pss = _pss(agent)
    boxes = sum(_pss(pid) for pid in tree(agent) if pid != agent)
    goal = GOALS[name]
    told = f"CPU <= {goal:g} {_met(hourly <= goal)}, PSS <= {MAX_PSS:g} {_met(pss <= MAX_PSS)}, {_qt(agent)}"
    figures = f"{hourly:10.1f}{own * 3600 / seconds:17.1f}{woken / seconds:12.1f}{pss:9.1f}{boxes:11.1f}{serving:18.1f}"
    print(f"{name:18}{figures}  {told}")


def _cpu(agent: int) -> float:
    """CPU seconds of the agent and everything below it."""
    return sum(runtime(pid) for pid in tree(agent))


def _switches(pid: int) -> int:
    """Times that the threads of a process have gone to sleep, and so were woken."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total


def _pss(pid: int) -> float:
    """MiB of memory that a process holds, shared pages divided among those who share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def _qt(pid: int) -> str:
    return "Qt IS LOADED" if "libQt" in Path(f"/proc/{pid}/maps").read_text() else "no Qt"


def _met(good: bool) -> str:
    return "met" if good else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
