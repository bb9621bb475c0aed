"""What the second kind of box costs: Landlock's beside bubblewrap's, in one run.

Both take turns, so that whatever else the machine does meets both alike: a small compile through a gate, a box that
comes up, and a box that ends with compilers running in it, from the kill to the proof that nothing is left.

    python -m benchmarks.sandboxes --rounds 50
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from operator import truediv
from pathlib import Path

from farmhand.distcc.protocol import request
from farmhand.machine import join_address
from farmhand_agent.boxes.box import Box, BoxPlan
from farmhand_agent.boxes.landlock_box import LandlockBox
from farmhand_agent.boxes.sandboxes import OwnBox
from farmhand_agent.traces import processes
from tests.fakes import gate_program
from tests.fakes.waiting import comes_true

SOURCE = "int answer(int x) { return x * 42; }\n"
ENDLESS = request(["gcc", "-wrapper", "/bin/sh,-c,while :; do :; done", "-c", "a.i", "-o", "a.o"], b"int x;\n")
BUBBLEWRAP, LANDLOCK = "bubblewrap", "landlock"

START: Mapping[str, Callable[[BoxPlan], Awaitable[OwnBox]]] = {BUBBLEWRAP: Box.start, LANDLOCK: LandlockBox.start}


def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=4, help="compilers running when a box ends")
    options = parser.parse_args()
    print(f"{options.rounds} rounds{'':34}{'p50':>9}{'p90':>9}{'max':>9}  ms")
    _tell("small compile through a gate", compiles(options.rounds))
    came, ended = asyncio.run(lives(options.rounds, options.jobs))
    _tell("box up, its first answer included", came)
    _tell(f"kill of {options.jobs} compilers to nothing left", ended)
    return 0


def compiles(rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of every compile, by kind of box."""
    took: dict[str, list[float]] = {kind: [] for kind in START}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sandboxes-")))
        (folder / "a.i").write_text(SOURCE)
        gates = {kind: join_address(*stack.enter_context(gate_program.running(kind))) for kind in START}
        for number in range(-2, rounds):
            for kind in sorted(gates, reverse=bool(number % 2)):
                one = _compile(folder, gates[kind])
                if number >= 0:  # the first ones warm up
                    took[kind].append(one)
    return took


def _compile(folder: Path, gate: str) -> float:
    environ = {"PATH": "/usr/bin:/bin", "DISTCC_HOSTS": f"{gate}/2", "DISTCC_DIR": str(folder), "DISTCC_FALLBACK": "0"}
    began = time.perf_counter()
    subprocess.run(["distcc", "gcc", "-O1", "-c", "a.i", "-o", "a.o"], cwd=folder, env=environ, check=True)
    return (time.perf_counter() - began) * 1e3


async def lives(rounds: int, jobs: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Let boxes come up and end under load; return the milliseconds that each took, by kind."""
    came: dict[str, list[float]] = {kind: [] for kind in START}
    ended: dict[str, list[float]] = {kind: [] for kind in START}
    for number in range(rounds):
        for kind in sorted(START, reverse=bool(number % 2)):
            began = time.perf_counter()
            box = await START[kind](BoxPlan(jobs, 64))
            came[kind].append((time.perf_counter() - began) * 1e3)
            with ExitStack() as stack:
                connections = [stack.enter_context(await box.connect()) for _ in range(jobs)]
                await _load(connections, box.pids)
                began = time.perf_counter()
                box.kill()
                await box.gone()
                ended[kind].append((time.perf_counter() - began) * 1e3)
    return came, ended


async def _load(connections: Sequence[socket.socket], pids: tuple[int, ...]) -> None:
    """Wait until a compiler runs for each connection."""
    for connection in connections:
        await asyncio.get_running_loop().sock_sendall(connection, ENDLESS)
    await comes_true(lambda: _loops(pids) >= len(connections), within=30.0)


def _loops(pids: tuple[int, ...]) -> int:
    return sum(map(_is_loop, {one for pid in pids for one in processes.tree(pid)}))


def _is_loop(pid: int) -> bool:
    try:
        return b"while :" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _tell(what: str, took: Mapping[str, list[float]]) -> None:
    """Print both kinds and their median ratio, round by round."""
    for kind, values in took.items():
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        print(f"{what:36}{kind:12}{cuts[49]:9.1f}{cuts[89]:9.1f}{max(values):9.1f}")
    ratio = statistics.median(map(truediv, took[LANDLOCK], took[BUBBLEWRAP]))
    print(f"{'':36}{'ratio':12}{ratio:9.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
