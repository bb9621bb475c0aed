"""Processes that bear the mark of a box without being in one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def marked(mark: int, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that bears `mark`, as does all that it starts; it is ended if it still runs."""
    # setting a limit without a program: prlimit(1) does not know this one's name
    program = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_RTTIME, (int(sys.argv[1]),) * 2); "
    words = ["python3", "-I", "-S", "-c", program + "os.execv(sys.argv[2], sys.argv[2:])", str(mark), *command]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def marked_sleeper(mark: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that bears `mark` and stays until somebody ends it."""
    with marked(mark, "/bin/sh", "-c", "echo; exec sleep 600") as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
