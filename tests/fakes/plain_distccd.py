"""A real distccd of the distribution, open to this machine only, for as long as a block runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes.waiting import until


@contextmanager
def plain_distccd(folder: Path, jobs: int = 4) -> Iterator[int]:
    """Start it and yield its port; compilers that it started end with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["distccd", "--daemon", "--no-detach", "--listen", "127.0.0.1", "--port", str(port), "--jobs", str(jobs)]
    command += ["--allow", "127.0.0.1", "--log-file", str(folder / "distccd.log"), "--user", "nobody"]
    path = {"PATH": "/usr/bin:/bin", "TMPDIR": "/tmp"}
    (folder / "distccd.log").touch()
    (folder / "distccd.log").chmod(0o666)
    daemon = subprocess.Popen(command, env=path, start_new_session=True)
    try:
        until(lambda: _answers(port))
        yield port
    finally:
        os.killpg(daemon.pid, signal.SIGTERM)
        daemon.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
