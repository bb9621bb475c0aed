"""How long the owner waits: from the input event to the last foreign process gone.

A real agent on a real X server lends; compilers run in its box; xdotool moves the mouse. The agent's own figure begins
when the X server's alarm reaches it; the outer one begins before xdotool is started and ends when no process lives in
another pid namespace any more, as seen from outside.

    python -m benchmarks.reclaim --rounds 50 --jobs 4 --busy
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.whole.stage import Stage, Workstation, boxed, until

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
    parser.add_argument("--jobs", type=int, default=4, help="compilers running when the owner comes back")
    parser.add_argument("--busy", action="store_true", help="every core also runs a busy loop of the owner's session")
    options = parser.parse_args()
    inner: list[float] = []
    outer: list[float] = []
    with Stage() as stage:
        (stage.folder / "big.cc").write_text(SOURCE)
        stage.open_registry()
        station = stage.workstation("bench", idle_after=1, slots=4 * options.jobs)  # load may halve them
        if options.busy:
            for _ in range(os.cpu_count() or 1):
                stage.run(sys.executable, "-c", "while True: pass")
        files = len(os.listdir("/tmp"))
        for _ in range(options.rounds):
            own, seen = _round(stage, station, options.jobs)
            inner.append(own)
            outer.append(seen)
        left = len(boxed())
        sockets = _sockets_of(station)
        print(f"reclaim of {options.jobs} running compilers, {options.rounds} rounds{', busy machine' * options.busy}")
        print(f"{'':34}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}  ms")
        _row("agent: event to last process gone", inner)
        _row("outside: before xdotool to none left", outer)
        print(f"left: {left} processes, {sockets} gate sockets, {len(os.listdir('/tmp')) - files} files in /tmp")
    return 0


def _round(stage: Stage, station: Workstation, jobs: int) -> tuple[float, float]:
    station.wait("lent", 30)
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
    touched = time.monotonic()
    stage.x.touch("mouse")
    until(lambda: not boxed(), "nobody left", every=0)
    outer = (time.monotonic() - touched) * 1e3
    inner = float(station.wait("kept")["last_reclaim_ms"])
    for client in clients:
        client.wait(30)
    return inner, outer


def _compilers() -> int:
    found = 0
    for pid in boxed():
        try:
            found += Path(f"/proc/{pid}/comm").read_text().strip() == "cc1plus"
        except OSError:
            continue
    return found


def _sockets_of(station: Workstation) -> int:
    """TCP sockets that the agent still holds on the gate's port."""
    port = f":{int(station.environ['FARMHAND_GATE'].rpartition(':')[2]):04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(port) and line.split()[3] in ("01", "0A") for line in lines)


def _row(name: str, values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    print(f"{name:34}{cuts[49]:8.1f}{cuts[89]:8.1f}{cuts[98]:8.1f}{max(values):8.1f}")


if __name__ == "__main__":
    sys.exit(main())
