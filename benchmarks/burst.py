"""What the owner feels while the machine is lent: a short burst of work, alone and beside compiles on every core.

A program in a session of its own, as a terminal's is, works for some 10 ms, rests, and works again. It does so on the
quiet machine, beside a lent one's gate and box, and beside the usual way, a stock distccd at nice 19; the three take
turns, so that whatever else the machine does meets all alike. The clients send preprocessed files and run at the lowest
priority: on a real farm they are on another machine.

    python -m benchmarks.burst [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import count
from pathlib import Path

from benchmarks.gate import LARGE, SLOTS, gate
from farmhand_agent.limits.priority import LOWEST
from tests.fakes import procfs
from tests.fakes.plain_distccd import plain_distccd
from tests.fakes.waiting import until
from tests.whole.stage import below

QUIET, LENT, NICE = "nothing else", "lent: gate and box", f"distccd at nice {LOWEST}"

BURST_MS = 10.0
"""What a burst takes on the quiet machine."""

REST = 0.03
"""Seconds between two bursts: long enough for compilers to get going again."""

GOAL = 1.1


def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few rounds, to see that it works")
    parser.add_argument("--json", action="store_true", help="print the figures as data")
    parser.add_argument("--work", type=int, nargs=2, metavar=("LOOPS", "BURSTS"), help=argparse.SUPPRESS)
    parser.add_argument("--feed", metavar="SERVER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(bursts(*options.work)))
        return 0
    if options.feed:
        feed(options.feed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that every server is ended all the same
    rounds, length = (2, 10) if options.quick else (8, 40)
    took = measure(rounds, length)
    if options.json:
        print(json.dumps(took))
        return 0
    quiet = statistics.median(took[QUIET])
    print(
        f"{rounds * length} bursts of the owner's of {BURST_MS:g} ms each; {os.cpu_count()} compiles on as many cores"
    )
    print(f"{'beside':24}{'median':>10}{'p90':>10}  ms{'ratio':>9}  goal")
    for name, times in took.items():
        median, p90 = statistics.median(times), statistics.quantiles(times, n=10)[8]
        goal = f"<= {GOAL:g} {'met' if median / quiet <= GOAL else 'MISSED'}" if name is LENT else ""
        print(f"{name:24}{median:10.1f}{p90:10.1f}    {median / quiet:9.2f}  {goal}")
    return 0


def measure(rounds: int, length: int) -> dict[str, list[float]]:
    """Return how long the bursts took in milliseconds, by what ran beside them."""
    loops = _calibrate()
    took: dict[str, list[float]] = {QUIET: [], LENT: [], NICE: []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="burst-")))
        subprocess.run(["g++", "-O2", "-E", "-x", "c++", "-", "-o", folder / "a.ii"], input=LARGE.encode(), check=True)
        servers = {
            QUIET: "",
            LENT: stack.enter_context(gate(folder, low=True)),
            NICE: f"127.0.0.1:{stack.enter_context(plain_distccd(jobs=SLOTS, nice=LOWEST))}",
        }
        for number in range(rounds):
            names = list(servers)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                with feeding(folder, servers[name]) if servers[name] else nullcontext():
                    took[name] += _bursts(loops, length)
    return took


def bursts(loops: int, number: int) -> list[float]:
    """Work and rest in turn; return how long each stretch of work took, in milliseconds."""
    took: list[float] = []
    for _ in range(number):
        time.sleep(REST)
        began = time.perf_counter()
        work(loops)
        took.append((time.perf_counter() - began) * 1e3)
    return took


def work(loops: int) -> int:
    """Keep one core busy."""
    total = 0
    for one in range(loops):
        total += one & 7
    return total


def feed(server: str) -> None:
    """Be a farm's builds: keep as many compiles running on `server` as there are cores, until killed."""
    environ = {"PATH": "/usr/bin:/bin", "DISTCC_HOSTS": f"{server}/99", "DISTCC_DIR": ".", "DISTCC_FALLBACK": "0"}
    running: list[subprocess.Popen[bytes]] = []
    for number in count():
        while len(running) >= (os.cpu_count() or 1):
            os.wait()
            running = [one for one in running if one.poll() is None]
        command = ["distcc", "g++", "-O2", "-c", "a.ii", "-o", f"{number % 64}.o"]
        running.append(subprocess.Popen(command, env=environ))


@contextmanager
def feeding(folder: Path, server: str) -> Iterator[None]:
    """Let builds compile on `server` while the block runs; nothing of theirs runs after it."""
    command = [sys.executable, "-m", "benchmarks.burst", "--feed", server]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    feeder = subprocess.Popen(command, cwd=folder, env=environ, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        Path(f"/proc/{feeder.pid}/autogroup").write_text(str(LOWEST))
        until(lambda: len(_compilers()) >= (os.cpu_count() or 1), "compilers run", 60)
        yield
    finally:
        os.killpg(feeder.pid, signal.SIGKILL)
        feeder.wait()
        until(lambda: not _compilers(), "the compilers of a lost client end", 60)


def _compilers() -> list[int]:
    """Compilers that run below this program."""
    return [pid for pid in below(os.getpid()) if procfs.name(pid) == "cc1plus"]


def _bursts(loops: int, number: int) -> Sequence[float]:
    command = [sys.executable, "-m", "benchmarks.burst", "--work", str(loops), str(number)]
    done = subprocess.run(command, start_new_session=True, stdout=subprocess.PIPE, check=True)
    return [float(one) for one in json.loads(done.stdout)]


def _calibrate() -> int:
    """How many loops make a burst, by the fastest of many tries."""
    sample = 100_000
    return int(sample * BURST_MS / min(_bursts(sample, 20)))


if __name__ == "__main__":
    sys.exit(main())
