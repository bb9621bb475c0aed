"""How long the owner waits: from the input event to the last foreign process gone.

A real agent on a real X server lends; compilers run in its box; a key is pressed by one request to the X server. Three
figures of each reclaim:

* by the agent: from the X server's alarm in its hands to everything gone and noted. It is what `farmhand status` shows.
* from outside: from before the key to the last process that was in a box gone.
* by a killer: the same compilers ended by a program that does nothing else (`benchmarks.killer`), in turns with the
  agent, so that both meet the same machine. The ratio says what is the machine's share and what is ours.

On the busy machine two busy loops for each core, together a session of the owner's as `make -j` in a terminal is, wake
up when the compilers run, as if the owner came back to a machine full of work.

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
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.killer import Killer, gone, held, killer
from farmhand_agent.traces import processes
from tests.fakes.waiting import until
from tests.fakes.xserver import Hands
from tests.whole.stage import Stage, Workstation, boxed

GROWN = 32
"""MiB that each compiler holds, at least, when the owner comes back: most of what it has to do to die is to free it."""

HEADSTART = 0.1
"""Seconds that the owner's programs have been busy for when the key is pressed."""

LOOPS = """
import os, signal, sys
for _ in range(int(sys.argv[1]) - 1):
    if os.fork() == 0:
        break
os.kill(os.getpid(), signal.SIGSTOP)
while True: pass
"""

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


@dataclass
class Took:
    """What was measured with one number of compilers, all in milliseconds, and the MiB that the compilers held."""

    agent: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    killer: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)


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
    print(f"{'compilers':10}{'measured':44}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}  ms")
    for jobs in options.jobs:
        measure(jobs, options.rounds, options.busy, options.shared, options.sandbox)
    return 0


def measure(jobs: int, rounds: int, busy: bool, shared: bool, sandbox: str) -> None:
    """Take the machine back `rounds` times from `jobs` compilers, and print how long that took and what was left."""
    took = Took()
    with Stage() as stage, ExitStack() as stack:
        _preprocess(stage)
        stage.open_registry()
        station = stage.workstation("bench", idle_after=1, slots=4 * jobs, slots_in_use=int(shared), sandbox=sandbox)
        awake = stack.enter_context(_owners_programs(2 * (os.cpu_count() or 1) if busy else 0))
        hands = Hands(stage.x.display)
        stack.callback(hands.close)
        rival = stack.enter_context(killer())
        files = len(os.listdir(stage.scratch))
        for _ in range(rounds):
            _reclaim(stage, station, jobs, awake, hands, took)
            _kill(stage, station, jobs, awake, rival, took)
        station.choose("keep")
        station.wait("kept")
        left, sockets, files = len(boxed()), _sockets_of(station), len(os.listdir(stage.scratch)) - files
    _row(f"{jobs}", "agent: event to last process gone", took.agent)
    _row("", "outside: before the key to none left", took.outside)
    _row("", f"a killer of the same {statistics.median(took.held):.0f} MiB", took.killer)
    ratio = statistics.median(took.agent) / statistics.median(took.killer)
    print(f"{'':10}the agent took {ratio:.2f} times what the killer took (medians)")
    print(f"{'':10}left: {left} processes, {sockets} gate sockets, {files} temporary files", flush=True)


def _reclaim(
    stage: Stage, station: Workstation, jobs: int, awake: Callable[[bool], None], hands: Hands, took: Took
) -> None:
    """Let the owner come back."""
    before = station.status()["reclaims"]
    with _compiling(stage, station, jobs, took), _hold() as pidfds, _busy(awake):
        touched = time.monotonic()
        hands.touch()
        gone(pidfds)
        until(lambda: not boxed(), "nobody left", every=0.001)
        took.outside.append((time.monotonic() - touched) * 1e3)
        until(lambda: station.status()["reclaims"] > before, "the agent knows")
        took.agent.append(float(station.status()["last_reclaim_ms"]))


def _kill(
    stage: Stage, station: Workstation, jobs: int, awake: Callable[[bool], None], rival: Killer, took: Took
) -> None:
    """Let the killer do what the agent does for an owner."""
    with _compiling(stage, station, jobs, took):
        rival.prepare(_in_boxes())
        with _busy(awake):
            rival.kill()
            took.killer.append(rival.took())


@contextmanager
def _compiling(stage: Stage, station: Workstation, jobs: int, took: Took) -> Iterator[None]:
    """Have compilers run in the box; when the block ends they must have been ended."""
    until(lambda: station.status()["slots"] >= jobs, f"{jobs} slots are lent, though load may halve them", 60)
    environ = {
        **stage.environ,
        "DISTCC_HOSTS": f"{station.environ['FARMHAND_GATE']}/{jobs}",
        "DISTCC_DIR": tempfile.mkdtemp(dir=stage.folder),  # a new one: that this host was lost before is forgotten
        "DISTCC_FALLBACK": "0",
        "DISTCC_BACKOFF_PERIOD": "1",
    }
    clients = [
        subprocess.Popen(
            ["distcc", "g++", "-O2", "-c", "big.ii", "-o", f"{number}.o"],
            cwd=stage.folder,
            env=environ,
            stderr=subprocess.DEVNULL,
        )
        for number in range(jobs)
    ]
    until(lambda: sum(one >= GROWN for one in _sizes()) >= jobs, f"{jobs} compilers run", 60, every=0.05)
    took.held.append(sum(_sizes()))
    yield
    for client in clients:
        client.wait(30)


@contextmanager
def _owners_programs(count: int) -> Iterator[Callable[[bool], None]]:
    """Have `count` busy loops in one session; yields what wakes them up and lets them sleep again."""
    if not count:
        yield lambda _: None
        return
    leader = subprocess.Popen([sys.executable, "-c", LOOPS, str(count)], start_new_session=True)
    try:
        until(lambda: len(list(processes.tree(leader.pid))) == count, "the owner's programs are there")
        yield lambda yes: os.killpg(leader.pid, signal.SIGCONT if yes else signal.SIGSTOP)
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()


@contextmanager
def _busy(awake: Callable[[bool], None]) -> Iterator[None]:
    """Let the owner's programs run while the block does."""
    awake(True)
    time.sleep(HEADSTART)
    try:
        yield
    finally:
        awake(False)


def _preprocess(stage: Stage) -> None:
    """Make the source: preprocessing is the client's work, and would count as the owner's here."""
    made = subprocess.run(["g++", "-E", "-x", "c++", "-"], input=SOURCE, capture_output=True, text=True, check=True)
    (stage.folder / "big.ii").write_text(made.stdout)


@contextmanager
def _hold() -> Iterator[list[int]]:
    """Hold everything that is in a box now."""
    with held(_in_boxes()) as pidfds:
        yield pidfds


def _in_boxes() -> list[int]:
    """Everything in boxes; a helper that opens sockets there for a moment is none of it."""
    return sorted(pid for pid in boxed() if _name(pid) != "python")


def _sizes() -> list[float]:
    """The MiB that each compiler holds."""
    return [processes.memory_mib(pid) for pid in boxed() if _name(pid) == "cc1plus"]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _sockets_of(station: Workstation) -> int:
    """TCP sockets that the agent still holds on the gate's port."""
    port = f":{int(station.environ['FARMHAND_GATE'].rpartition(':')[2]):04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(port) and line.split()[3] in ("01", "0A") for line in lines)


def _row(jobs: str, name: str, values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    print(f"{jobs:10}{name:44}{cuts[49]:8.1f}{cuts[89]:8.1f}{cuts[98]:8.1f}{max(values):8.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
