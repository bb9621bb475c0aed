"""How soon a build of this machine's own is noticed, and what listening costs: `python -m benchmarks.own_build`.

A process of its own listens, as the agent does, and writes down when it has reported what; a copy of make is started
many times, at first on the machine as it is, then beside compiles like the farm's: gcc in pid namespaces of their own,
at the lowest priority, on all cores. That needs root. The time is from the moment before make is started.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors.own_build import OwnBuild
from farmhand_agent.traces.processes import cpu_seconds

TOOL, COMPILER = "bench-make", "bench-gcc"
"""Names that nobody else's build has. The second one is gcc's file under another name, so that every gcc is heard."""

STARTS = 20
LINGER = 0.2
"""Seconds, so that builds can follow each other quickly."""

WATCHED_FOR = 15.0
"""Seconds over which CPU time is measured."""

DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL")

JOB = "while :; do gcc -O2 -x c -c -o /dev/null {}; done"


async def listen(folder: str) -> None:
    """Say when each report came, in seconds of the monotonic clock."""

    def report(reading: Reading) -> None:
        print(time.monotonic(), reading.values["own_build"], flush=True)

    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    await OwnBuild(Settings(), environ, linger=LINGER, tools=(TOOL,), compilers=(COMPILER,)).watch(report)


def latencies(folder: Path, listener: subprocess.Popen[str]) -> list[float]:
    """Return the milliseconds from start to report, `STARTS` times."""
    assert listener.stdout
    taken: list[float] = []
    for _ in range(STARTS):
        before = time.monotonic()
        with subprocess.Popen([folder / TOOL, "-s", "-C", folder], start_new_session=True) as build:
            at, name = listener.stdout.readline().split()
            os.killpg(build.pid, signal.SIGKILL)
        assert name == TOOL, f"somebody else builds here: {name}"
        taken.append((float(at) - before) * 1000)
        assert listener.stdout.readline().split()[1:] == []
        time.sleep(0.2)
    return taken


@contextmanager
def farm_load(folder: Path) -> Iterator[None]:
    """Compile on all cores as the farm's boxes do."""
    source = folder / "job.c"
    source.write_text("".join(f"int f{one}(int x) {{ return x * {one} % 7; }}\n" for one in range(300)))
    script = JOB.format(source)
    jobs = [
        subprocess.Popen(
            [*DIE_WITH_US, "nice", "-n19", "unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script]
        )
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for one in jobs:
            one.kill()
            one.wait()


def add_row(table: Table, name: str, folder: Path, listener: subprocess.Popen[str]) -> None:
    """Measure under the load of this moment."""
    taken = latencies(folder, listener)
    before = cpu_seconds(listener.pid)
    time.sleep(WATCHED_FOR)
    hourly = (cpu_seconds(listener.pid) - before) * 3600 / WATCHED_FOR
    worst = statistics.quantiles(taken, n=100, method="inclusive")[98]
    table.add_row(name, f"{statistics.median(taken):.1f}", f"{worst:.1f}", f"{hourly:.1f}")


def main() -> None:
    """Print the table."""
    table = Table("beside", "median ms", "p99 ms", "CPU s/h of listening", title="from the start of make to the report")
    with tempfile.TemporaryDirectory(prefix="farmhand-bench-") as named:
        folder = Path(named)
        shutil.copy(shutil.which("make") or "make", folder / TOOL)
        (folder / COMPILER).symlink_to(shutil.which("gcc") or "gcc")
        (folder / "Makefile").write_text("all:\n\tsleep 60\n")
        command = [*DIE_WITH_US, sys.executable, "-m", "benchmarks.own_build", named]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout
            listener.stdout.readline()
            time.sleep(1)
            add_row(table, "nothing", folder, listener)
            with farm_load(folder):
                add_row(table, "compiles on all cores", folder, listener)
            listener.kill()
    Console().print(table)


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(listen(sys.argv[1]))
    else:
        main()
