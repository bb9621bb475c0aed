"""What the gate costs: compiles through a lent machine's gate and box against plain distccd, side by side in one run.

Three servers take turns, compile by compile, so that whatever else the machine does meets all of them alike: a gate
with boxes and journal, a plain distccd with its temporary files in memory as a box has them, and a plain distccd with
the usual /tmp. All run at ordinary priority: the low one of a box protects the owner and is no cost of the gate.

Each ratio is the median over rounds, with the interval in which the true one lies with 95 %.

    python -m benchmarks.gate [--quick] [--only large]
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from operator import truediv
from pathlib import Path

from farmhand.machine import join_address
from farmhand_agent.boxes.box import Box, BoxPlan
from farmhand_agent.gate.admission import Admission
from farmhand_agent.gate.gate import Gate, Patience
from farmhand_agent.journal.journal import Journal
from farmhand_agent.limits.priority import hasten
from tests.fakes.plain_distccd import plain_distccd

GATE, MEMORY, DISK = "gate", "distccd, /tmp in memory", "distccd, usual /tmp"

SLOTS = 8

SMALL = "int answer(int x) { return x * 42; }\n"
MEDIUM = """
#include <algorithm>
#include <string>
#include <vector>
unsigned long count(const std::vector<std::string> &all) { return all.size(); }
"""
LARGE = """
#include <map>
#include <regex>
#include <string>
bool f(const char *text) { return std::regex_match(text, std::regex("(a|b)*c[0-9]+")); }
std::map<std::string, std::regex> all;
"""


@dataclass(frozen=True)
class Case:
    """One kind of compile.

    Attributes:
        name: as it is printed.
        source: of the file.
        flags: of the compiler.
        at_once: how many run side by side.
        rounds: measurements of each server.
        goal: the ratio that is wanted; None: it is told only.
    """

    name: str
    source: str
    flags: tuple[str, ...]
    at_once: int
    rounds: int
    goal: float | None


CASES = (
    Case("small file", SMALL, ("-O1",), 1, 150, 1.05),
    Case("medium file", MEDIUM, ("-O0",), 1, 120, None),
    Case("large file", LARGE, ("-O2",), 1, 15, 1.01),
    Case("8 small files at once", SMALL, ("-O1",), 8, 30, 1.05),
)


def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, to see that it works")
    parser.add_argument("--only", default="", help="cases with this word in their name")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--low", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, _start_low if options.low else _start_box))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that every server is ended all the same
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gate-")))
        servers = {
            GATE: stack.enter_context(gate(folder)),
            MEMORY: f"127.0.0.1:{stack.enter_context(plain_distccd('/dev/shm', SLOTS))}",
            DISK: f"127.0.0.1:{stack.enter_context(plain_distccd('/tmp', SLOTS))}",
        }
        print(f"{'':24}{'median ms':>22}{'':16}{'median ratio to':>36}")
        print(f"{'':24}{'gate':>10}{'memory':>10}{'/tmp':>10}{'memory':>23}{'/tmp':>23}  goal")
        for case in [one for one in CASES if options.only in one.name]:
            rounds = max(3, case.rounds // 10) if options.quick else case.rounds
            _row(case, measure(folder, case, servers, rounds))
    return 0


def measure(folder: Path, case: Case, servers: Mapping[str, str], rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of every round for every server."""
    language = "c" if case.source is SMALL else "c++"
    text = folder / ("source.i" if language == "c" else "source.ii")
    command = ["g++" if language == "c++" else "gcc", *case.flags]
    subprocess.run([*command, "-E", "-x", language, "-", "-o", text], input=case.source.encode(), check=True)
    took: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(-1, rounds):
        order = list(servers)
        for name in order[number % len(order) :] + order[: number % len(order)]:
            one = _compile(folder, [*command, "-c", text.name], servers[name], case.at_once)
            if number >= 0:  # the first one warms up
                took[name].append(one)
    return took


def _compile(folder: Path, command: list[str], server: str, at_once: int) -> float:
    environ = {
        "PATH": "/usr/bin:/bin",
        "DISTCC_HOSTS": f"{server}/{at_once}",
        "DISTCC_DIR": str(folder),
        "DISTCC_FALLBACK": "0",
    }
    began = time.perf_counter()
    clients = [
        subprocess.Popen(["distcc", *command, "-o", f"{number}.o"], cwd=folder, env=environ)
        for number in range(at_once)
    ]
    for client in clients:
        if client.wait(120) != 0:
            raise SystemExit(f"a compile on {server} failed")
    return (time.perf_counter() - began) * 1e3


@contextmanager
def gate(folder: Path, low: bool = False) -> Iterator[str]:
    """Run a gate with its boxes and its journal in a process of its own; yield its address.

    Args:
        folder: for the journal.
        low: whether jobs run at the low priority of a lent machine.
    """
    command = [sys.executable, "-m", "benchmarks.gate", "--serve", str(folder), *["--low"] * low]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


async def serve(folder: Path, start_box: Callable[[], Awaitable[Box]]) -> None:
    """Be that process: print the gate's address and serve until SIGTERM."""
    left = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, left.set)
    journal = Journal(folder)
    admission = Admission.of("bench", bytes(32), ("127.0.0.0/8",))
    one = Gate(start_box, admission, Patience(), lambda: None, journal)
    await one.open("127.0.0.1", 0, SLOTS)
    assert one.address is not None
    print(join_address(*one.address), flush=True)
    await left.wait()
    one.shut()
    await one.gone()
    await journal.close()


async def _start_low() -> Box:
    return await Box.start(BoxPlan(SLOTS))


async def _start_box() -> Box:
    box = await _start_low()
    hasten(box.init)
    return box


def _row(case: Case, took: Mapping[str, list[float]]) -> None:
    """Print one line; each ratio is the median over rounds, in which all met the same load."""
    medians = "".join(f"{statistics.median(took[name]):10.1f}" for name in (GATE, MEMORY, DISK))
    memory, disk = (_median([*map(truediv, took[GATE], took[name])]) for name in (MEMORY, DISK))
    ratios = "".join(f"{f'{middle:.3f} ({low:.3f}-{high:.3f})':>23}" for low, middle, high in (memory, disk))
    goal = "" if case.goal is None else f"<= {case.goal:.2f} {_verdict(memory, case.goal)}"
    print(f"{case.name:24}{medians}{ratios}  {goal}", flush=True)


def _median(values: list[float]) -> tuple[float, float, float]:
    """The median, between the ends of its interval of 95 %: the ranks that a fair coin keeps to (a sign test)."""
    ranked = sorted(values)
    below = max(0, int((len(ranked) - 1.96 * len(ranked) ** 0.5) / 2))
    return ranked[below], statistics.median(ranked), ranked[-1 - below]


def _verdict(ratio: tuple[float, float, float], goal: float) -> str:
    low, _, high = ratio
    return "met" if high <= goal else "MISSED" if low > goal else "not to be told from noise"


if __name__ == "__main__":
    sys.exit(main())
