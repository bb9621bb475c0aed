"""What the connector costs: stock distcc to a plain distccd, with and without the connector between them.

Run as `python -m benchmarks.connector`. Every round compiles the same trivial file once each way, one after the other,
so that whatever else the machine does hits both alike. Wall time is what a build waits for; the connector's own CPU is
what bounds how many compiles a second one client can feed to a farm.
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
from collections.abc import Mapping
from pathlib import Path

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import Here, Host
from farmhand.distcc.commandline import Room, environment
from farmhand.driver.connector import Connector
from farmhand.driver.local_compiler import LocalCompiler

BASE = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
COMMAND = ("distcc", "gcc", "-c", "a.c", "-o", "a.o")


async def compile_once(folder: Path, variables: Mapping[str, str]) -> float:
    """Compile the file and return the milliseconds that it took."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*COMMAND, cwd=folder, env=variables)
    assert await process.wait() == 0
    return (time.perf_counter() - started) * 1e3


async def measure(folder: Path, daemon: int, rounds: int, size: int) -> None:
    """Print both ways side by side for a file with `size` functions."""
    lines = (f"int f{number}(int x) {{ return x % {number + 3}; }}\n" for number in range(size))
    (folder / "a.c").write_text("int zero(void) { return 0; }\n" + "".join(lines))
    connector = Connector(Dispatcher(Here(0)), LocalCompiler(folder, BASE))
    port = await connector.start()
    connector.set_hosts((Host("plain", "127.0.0.1", daemon, 4, 9.0),))
    through = environment(BASE, port, str(folder), Room(4, 0, 2))
    plain = environment(BASE, daemon, str(folder), Room(4, 0, 2))
    times: dict[str, list[float]] = {"plain": [], "connector": []}
    cpu = 0.0
    for turn in range(rounds + 3):
        ways = [("plain", plain), ("connector", through)]
        for name, variables in ways if turn % 2 else reversed(ways):
            before = time.process_time()
            took = await compile_once(folder, variables)
            if turn >= 3:
                times[name].append(took)
                cpu += (time.process_time() - before) * (1 if name == "connector" else -1)
    await connector.close()
    without, with_it = (statistics.median(times[name]) for name in ("plain", "connector"))
    print(
        f"{size:5} functions: plain {without:6.1f} ms, connector {with_it:6.1f} ms, ratio {with_it / without:.2f}, "
        f"added {with_it - without:+.1f} ms, of it our CPU {cpu / rounds * 1e3:.2f} ms"
    )


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
        )  # fmt: skip
        try:
            _wait_for(int(port))
            for size in (0, 500):
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
