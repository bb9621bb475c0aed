"""A real distccd of the distribution, open to this machine only, for as long as a block runs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .ports import free_port, listens
from .waiting import until


@contextmanager
def plain_distccd(scratch: str = "/tmp", jobs: int = 4, nice: int = 0) -> Iterator[int]:
    """Start it and yield its port; compilers that it started end with it.

    Args:
        scratch: where it gets a fresh folder for its temporary files.
        jobs: how many it compiles at once.
        nice: of its compilers.
    """
    with tempfile.TemporaryDirectory(prefix="distccd-", dir=scratch) as folder:
        Path(folder).chmod(0o1777)
        port = free_port()
        options = {"--listen": "127.0.0.1", "--allow": "127.0.0.1", "--port": port, "--jobs": jobs, "--nice": nice}
        command = ["distccd", "--daemon", "--no-detach", "--log-stderr", "--log-level", "critical"]
        command += [word for option, value in options.items() for word in (option, str(value))]
        if os.geteuid() == 0:
            command += ["--user", "nobody"]
        environ = {"PATH": "/usr/bin:/bin", "TMPDIR": folder, "LANG": "C.UTF-8"}
        daemon = subprocess.Popen(command, env=environ, start_new_session=True, stderr=subprocess.DEVNULL)
        try:
            until(lambda: daemon.poll() is not None or listens(port), "distccd listens")
            assert daemon.poll() is None, f"distccd has ended with {daemon.returncode}"
            yield port
        finally:
            if daemon.poll() is None:
                os.killpg(daemon.pid, signal.SIGTERM)
            daemon.wait(10)
