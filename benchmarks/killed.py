"""How long a killed agent's boxes live: from SIGKILL to the last process in a box gone.

A real agent lends; compilers that never end run in its box; the agent is killed. `--alone` kills the guardian first, to
see what it brings, `--busy` runs four busy loops of the owner's beside.

    python -m benchmarks.killed --rounds 20 --busy
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import sys
import time

from farmhand.distcc.protocol import request
from tests.fakes import procfs
from tests.fakes.waiting import until
from tests.whole.stage import Stage, Workstation, below, boxed

ENDLESS = request(["gcc", "-wrapper", "/bin/sh,-c,while :; do :; done", "-c", "a.i", "-o", "a.o"], b"int x;\n")
LOOPS = 4


def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=4, help="compilers running when the agent is killed")
    parser.add_argument("--busy", action="store_true", help=f"beside {LOOPS} busy loops of the owner's")
    parser.add_argument("--alone", action="store_true", help="without the guardian")
    options = parser.parse_args()
    with Stage(display=False) as stage:
        if options.busy:
            for _ in range(LOOPS):
                stage.run(sys.executable, "-c", "while True: pass")
        station = stage.workstation("bench", slots=2 * options.jobs, lend="always", registry="")
        took = [_round(station, options.jobs, options.alone) for _ in range(options.rounds)]
        station.stop()
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    how = f"{'busy' if options.busy else 'idle'} machine, {'no guardian' if options.alone else 'guardian'}"
    print(f"{how:30} p50 {cuts[49]:7.1f}  p90 {cuts[89]:7.1f}  max {max(took):7.1f} ms, {options.rounds} rounds")
    return 0


def _round(station: Workstation, jobs: int, alone: bool) -> float:
    """Milliseconds of one killed agent; a new one is up afterwards."""
    station.wait("lent", 30)
    address, port = station.environ["FARMHAND_GATE"].rsplit(":", 1)
    clients = [socket.create_connection((address, int(port))) for _ in range(jobs)]
    for client in clients:
        client.sendall(ENDLESS)
    until(lambda: sum(_is_loop(pid) for pid in boxed()) >= jobs, f"{jobs} compilers run", 60, every=0.05)
    if alone:
        for pid in below(station.pid):
            if "farmhand-guardian" in procfs.command_line(pid):
                os.kill(pid, signal.SIGKILL)
    foreign = boxed()
    began = time.monotonic()
    assert station.process is not None
    station.process.kill()
    until(lambda: not foreign & boxed(), "no box survives", 30, every=0)
    took = (time.monotonic() - began) * 1e3
    station.process.wait()
    for client in clients:
        client.close()
    station.start()
    return took


def _is_loop(pid: int) -> bool:
    return procfs.command_line(pid).startswith("/bin/sh")


if __name__ == "__main__":
    sys.exit(main())
