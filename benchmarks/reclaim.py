"""How long the owner waits: from the input event to the last foreign process gone.

A real agent on a real X server lends; compilers run in its box; xdotool moves the mouse. The agent's own figure begins
when the X server's alarm reaches it; the outer one begins before xdotool is started and ends when no process lives in
another pid namespace or with a box's mark any more, as seen from outside.

On the busy machine two busy loops of the owner's session for each core wake up when the compilers run, as if the owner
came back to a machine full of work.

With --shared the owner lends one slot while working, and comes back to more jobs than that: the machine stays lent, and
the last process of those jobs is what counts.

    python -m benchmarks.reclaim --rounds 50 --jobs 1 4 8
    python -m benchmarks.reclaim --rounds 50 --jobs 4 8 --shared
    python -m benchmarks.reclaim --rounds 50 --jobs 1 4 8 --busy
    python -m benchmarks.reclaim --rounds 50 --jobs 4 --sandbox landlock
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes import procfs
from tests.fakes.waiting import until
from tests.whole.stage import Stage, Workstation, boxed

HEADSTART = 0.1
"""Seconds that the owner's programs have been busy for when the mouse moves."""

LOOP = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass"

SOURCE = """
#include <iostream>
#include <map>
#include <regex>
#include <string>
int main() {
    std::map<int, std::regex> all;
    for (int i = 0; i < 9; ++i) all[i] = std::regex("(a|b)*c" + std::to_string(i));
    std::cout << std::regex_match("abc1", all[1]) << std::endl;
}
"""


def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--jobs", type=int, nargs="+", default=[4], help="compilers running when the owner comes back")
    parser.add_argument("--busy", action="store_true", help="the owner's programs keep all cores busy meanwhile")
    parser.add_argument("--shared", action="store_true", help="one slot stays lent (slots_in_use = 1)")
    parser.add_argument("--sandbox", default="auto", help="the setting: auto, bubblewrap or landlock")
    options = parser.parse_args()
    if options.shared and min(options.jobs) < 2:
        parser.error("--shared needs more than one compiler: one would go on")
    print(f"{options.rounds} reclaims each{', busy machine' * options.busy}{', one slot stays lent' * options.shared}")
    print(f"{'compilers':10}{'measured':38}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}  ms")
    for jobs in options.jobs:
        measure(jobs, options.rounds, options.busy, options.shared, options.sandbox)
    return 0


def measure(jobs: int, rounds: int, busy: bool, shared: bool, sandbox: str) -> None:
    """Take the machine back `rounds` times from `jobs` compilers, and print how long that took and what was left."""
    inner: list[float] = []
    outer: list[float] = []
    with Stage() as stage:
        (stage.folder / "big.cc").write_text(SOURCE)
        stage.open_registry()
        station = stage.workstation("bench", idle_after=1, slots=4 * jobs, slots_in_use=int(shared), sandbox=sandbox)
        loops = [stage.run(sys.executable, "-c", LOOP) for _ in range(2 * (os.cpu_count() or 1) * busy)]
        files = len(os.listdir(stage.scratch))
        for _ in range(rounds):
            own, seen = _round(stage, station, jobs, [loop.pid for loop in loops])
            inner.append(own)
            outer.append(seen)
        station.choose("keep")
        station.wait("kept")
        left, sockets, files = len(boxed()), _sockets_of(station), len(os.listdir(stage.scratch)) - files
        _row(f"{jobs}", "agent: event to last process gone", inner)
        _row("", "outside: before xdotool to none left", outer)
        print(f"{'':10}left: {left} processes, {sockets} gate sockets, {files} temporary files")


def _round(stage: Stage, station: Workstation, jobs: int, loops: list[int]) -> tuple[float, float]:
    until(lambda: station.status()["slots"] >= jobs, f"{jobs} slots are lent, though load may halve them", 60)
    before = station.status()["reclaims"]
    gate = station.environ["FARMHAND_GATE"]
    environ = {
        **stage.environ,
        "DISTCC_HOSTS": f"{gate}/{jobs}",
        "DISTCC_DIR": str(stage.folder),
        "DISTCC_FALLBACK": "0",
        "DISTCC_BACKOFF_PERIOD": "1",
    }
    clients = [
        subprocess.Popen(
            ["distcc", "g++", "-O2", "-c", "big.cc", "-o", f"{number}.o"],
            cwd=stage.folder,
            env=environ,
            stderr=subprocess.DEVNULL,
        )
        for number in range(jobs)
    ]
    until(lambda: _compilers() >= jobs, f"{jobs} compilers run", 30, every=0.05)
    with _awake(loops):
        touched = time.monotonic()
        stage.x.touch("mouse")
        until(lambda: not boxed(), "nobody left", every=0.001)
        outer = (time.monotonic() - touched) * 1e3
        until(lambda: station.status()["reclaims"] > before, "the agent knows")
        inner = float(station.status()["last_reclaim_ms"])
    for client in clients:
        client.wait(30)
    return inner, outer


@contextmanager
def _awake(loops: list[int]) -> Iterator[None]:
    """Let the owner's programs run while the block does."""
    for pid in loops:
        os.kill(pid, signal.SIGCONT)
    if loops:
        time.sleep(HEADSTART)
    try:
        yield
    finally:
        for pid in loops:
            os.kill(pid, signal.SIGSTOP)


def _compilers() -> int:
    return sum(procfs.name(pid) == "cc1plus" for pid in boxed())


def _sockets_of(station: Workstation) -> int:
    """TCP sockets that the agent still holds on the gate's port."""
    port = f":{int(station.environ['FARMHAND_GATE'].rpartition(':')[2]):04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(port) and line.split()[3] in ("01", "0A") for line in lines)


def _row(jobs: str, name: str, values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    print(f"{jobs:10}{name:38}{cuts[49]:8.1f}{cuts[89]:8.1f}{cuts[98]:8.1f}{max(values):8.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
