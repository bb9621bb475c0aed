"""What the tray costs while nothing happens: memory, wake-ups and processor time of the real program in a real tray.

    python -m benchmarks.tray

A wake-up is a context switch of any of its threads (`voluntary_ctxt_switches` and `nonvoluntary_ctxt_switches` of
proc(5)): a thread that sleeps makes none. The goals are those of a program that runs all day on somebody's desk.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.desktop import Desktop, wait_until
from fakes.fake_agent import LENT, FakeAgent
from fakes.status_notifier_watcher import Panel

REST = 20.0
"""Seconds to watch it do nothing."""

SETTLE = 3.0
"""Seconds for it to come to rest after its start."""

GOAL_MIB = 75.0
GOAL_WAKE_UPS = 0.1


def switches(pid: int) -> int:
    """Count the context switches of all threads of a process so far."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        lines = status.read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return total


def measure() -> dict[str, float]:
    """Run the tray on a desktop of its own and watch it rest.

    Returns:
        Figures by name: seconds to the icon, MiB resident, wake-ups a second, milliseconds of processor time a second.
    """
    with tempfile.TemporaryDirectory() as folder, Desktop(Path(folder)) as desktop:
        (desktop.runtime / "farmhand").mkdir(mode=0o700)
        with FakeAgent(desktop.runtime / "farmhand" / "agent.sock", LENT):
            desktop.start_watcher()
            panel = Panel(desktop.bus)
            begun = time.perf_counter()
            tray = desktop.start_tray()
            wait_until(lambda: panel.tooltip().startswith("Lending"), "the icon of a lent machine")
            shown = time.perf_counter() - begun
            panel.close()
            time.sleep(SETTLE)
            process = psutil.Process(tray.pid)
            first, first_cpu = switches(tray.pid), sum(process.cpu_times()[:2])
            time.sleep(REST)
            last, last_cpu = switches(tray.pid), sum(process.cpu_times()[:2])
            return {
                "seconds until the icon shows": shown,
                "MiB resident": process.memory_info().rss / 2**20,
                "MiB of its own (USS)": process.memory_full_info().uss / 2**20,
                "wake-ups a second": (last - first) / REST,
                "ms of processor time a second": (last_cpu - first_cpu) / REST * 1000,
                "threads": process.num_threads(),
            }


def main() -> int:
    """Print the figures."""
    figures = measure()
    print(f"farmhand-tray on Xvfb with a StatusNotifierItem tray, {REST:g} s at rest, {os.cpu_count()} cores")
    for name, value in figures.items():
        print(f"  {name:32} {value:8.2f}")
    met = figures["MiB resident"] <= GOAL_MIB and figures["wake-ups a second"] <= GOAL_WAKE_UPS
    print(f"goals (at most {GOAL_MIB:g} MiB and {GOAL_WAKE_UPS:g} wake-ups a second): {'met' if met else 'missed'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
