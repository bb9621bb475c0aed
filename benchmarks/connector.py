"""What a compile costs on its way: the compiler alone, behind a launcher, and on another machine with and without us.

Run as `python -m benchmarks.connector`. Every round compiles the same file once each way, one after the other and in
changing order, so that whatever else the machine does hits all alike. Ratios are medians of the rounds' own ratios.
Wall time is what a build waits for; the driver's own CPU is what bounds how many compiles a second it can serve.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import Here, Host
from farmhand.distcc.commandline import environment
from farmhand.driver.compilers import Compilers
from farmhand.driver.connector import Connector
from farmhand.driver.launchers import prepare

BASE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
COMPILE = ("gcc", "-O2", "-c", "a.c", "-o", "a.o")
WARM_UP = 3
"""Rounds that do not count."""

WAYS = {
    "compiler": "the compiler alone",
    "launcher": "launcher without a driver",
    "run": 'launcher, and a driver that says "run"',
    "distcc": "stock distcc to distccd",
    "far": "launcher and driver to the same distccd",
}
AGAINST = {"launcher": "compiler", "run": "compiler", "far": "distcc"}
"""What a way is compared with."""


async def compile_once(folder: Path, command: Iterable[str], variables: Mapping[str, str]) -> float:
    """Compile the file and return the milliseconds that it took."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=variables)
    assert await process.wait() == 0
    return (time.perf_counter() - started) * 1e3


async def measure(folder: Path, daemon: int, rounds: int, size: int) -> None:
    """Print all ways side by side for a file with `size` functions."""
    lines = (f"int f{number}(int x) {{ return x % {number + 3}; }}\n" for number in range(size))
    (folder / "a.c").write_text("#include <stdio.h>\nint zero(void) { return 0; }\n" + "".join(lines))
    launchers = prepare(BASE["PATH"], folder / "data")
    connectors: dict[str, Connector] = {}
    variables = {"compiler": BASE, "distcc": BASE | {"DISTCC_HOSTS": f"127.0.0.1:{daemon}", "HOME": str(folder)}}
    for way, here, hosts in (("run", 1, ()), ("far", 0, (Host("plain", "127.0.0.1", daemon, 4, 9.0),))):
        session = folder / f"farmhand-build-{way}-{size}"
        session.mkdir(mode=0o700)
        connectors[way] = Connector(Dispatcher(Here(here)), session, Compilers(BASE["PATH"]))
        await connectors[way].start()
        connectors[way].set_hosts(hosts)
        variables[way] = environment(BASE, str(session), str(launchers.names), str(launchers.launcher), 4)
    nobody = environment(BASE, str(folder / "farmhand-build-none"), str(launchers.names), str(launchers.launcher), 4)
    variables["launcher"] = nobody
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(rounds + WARM_UP):
        order = list(WAYS)[turn % len(WAYS) :] + list(WAYS)[: turn % len(WAYS)]
        for way in order:
            command = ("distcc", *COMPILE) if way == "distcc" else COMPILE
            before = time.process_time()
            took = await compile_once(folder, command, variables[way])
            if turn >= WARM_UP:
                times[way].append(took)
                cpu[way].append((time.process_time() - before) * 1e3)
    for connector in connectors.values():
        await connector.close()
    _show(size, times, cpu)


def _show(size: int, times: Mapping[str, list[float]], cpu: Mapping[str, list[float]]) -> None:
    """Print the medians; our CPU is what remains without that of starting a process, which all ways need."""
    print(f"{size} functions:")
    started = statistics.median(cpu["compiler"])
    for way, title in WAYS.items():
        line = f"  {title:40} {statistics.median(times[way]):7.1f} ms"
        if way in AGAINST:
            others = times[AGAINST[way]]
            pairs = list(zip(times[way], others, strict=True))
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
            more = statistics.median(ours - theirs for ours, theirs in pairs)
            line += f"   ratio {ratio:4.2f}, {more:+6.1f} ms against {AGAINST[way]}"
        if way in ("run", "far"):
            line += f", our CPU {statistics.median(cpu[way]) - started:.2f} ms"
        print(line)


def main() -> None:
    """Measure a trivial and a larger file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    rounds: int = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "distccd.log"
        port = str(_free_port())
        as_nobody = ["--user", "nobody"] if os.getuid() == 0 else []
        log.touch()
        log.chmod(0o666)
        folder.chmod(0o755)
        daemon = subprocess.Popen(
            ["distccd", "--daemon", "--no-detach", "--listen", "127.0.0.1", "--allow", "127.0.0.1", "--port", port,
             "--jobs", "4", "--log-file", log, *as_nobody],
            env=BASE,
        )  # fmt: skip
        try:
            _wait_for(int(port))
            for size in (0, 1000):
                asyncio.run(measure(folder, int(port), rounds if size == 0 else rounds // 3, size))
        finally:
            daemon.terminate()
            daemon.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    """Return when the daemon answers; fail after 5 s."""
    deadline = time.monotonic() + 5
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            raise SystemExit("distccd does not answer")
        time.sleep(0.01)


if __name__ == "__main__":
    if shutil.which("distccd") is None:
        raise SystemExit("distccd is not installed")
    main()
