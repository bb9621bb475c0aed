"""What many clients that come one after the other leave behind, and how long it takes to take the machine back from it.

A real agent lends; clients from as many addresses have one small file compiled each. Then the owner takes the machine
back, with nothing compiling. See `farmhand_agent.boxes.room`.

    python -m benchmarks.identities --identities 1 150 --rounds 5
"""

from __future__ import annotations

import argparse
import socket
import statistics
import sys
import time

from farmhand.distcc.protocol import request
from tests.whole.stage import Stage, Workstation, boxed

SMALL = request(["gcc", "-c", "a.i", "-o", "a.o"], b"int x;\n")


def main() -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, nargs="+", default=[1, 150], help="clients that come; at most 250")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slots", type=int, default=2)
    options = parser.parse_args()
    print(f"{'clients':>8}{'seconds':>9}{'processes':>11}{'descriptors':>13}{'reclaim: median, max':>22} ms")
    with Stage(display=False) as stage:
        station = stage.workstation("bench", slots=options.slots, lend="always", registry="")
        for identities in options.identities:
            rounds = [_round(station, identities) for _ in range(options.rounds)]
            seconds, inside, held, took = zip(*rounds, strict=True)
            print(
                f"{identities:8}{statistics.median(seconds):9.1f}{max(inside):11}{max(held):13}"
                f"{statistics.median(took):16.1f}{max(took):6.1f}",
                flush=True,
            )
        station.stop()
    return 0


def _round(station: Workstation, identities: int) -> tuple[float, int, int, float]:
    """Seconds that the clients took, processes and descriptors they left, and milliseconds of the reclaim."""
    station.choose("lend")
    station.wait("lent")
    address, port = station.environ["FARMHAND_GATE"].rsplit(":", 1)
    began = time.monotonic()
    for number in range(1, identities + 1):
        with socket.create_connection((address, int(port)), source_address=(f"127.0.1.{number}", 0)) as client:
            client.sendall(SMALL)
            while client.recv(1 << 16):
                pass
    seconds = time.monotonic() - began
    inside, held = len(boxed()), station.open_files()
    station.choose("keep")
    shown = station.wait("kept")
    return seconds, inside, held, float(shown["last_reclaim_ms"])


if __name__ == "__main__":
    sys.exit(main())
