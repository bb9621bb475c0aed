"""Builds that are nobody's children here: the sense of builds does not count what its own process has started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.waiting import until

from farmhand_agent.traces.processes import is_readable

MAKEFILE = "wait:\n\tsleep 60\nquick:\n\tsleep 0.01\n"


class Workplace:
    """A folder with build tools under names that no other build of this machine has, and something to build.

    Attributes:
        bin: where the tools are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[int] = []
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "Makefile").write_text(MAKEFILE)
        (folder / "build.ninja").write_text("rule wait\n  command = sleep 60\nbuild out: wait\n")
        (folder / "fifo.c").unlink(missing_ok=True)
        os.mkfifo(folder / "fifo.c")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for pid in self._started:
            self.end(pid)

    def install(self, name: str, program: str) -> Path:
        """Put a copy of an installed program there as a package manager does: under another name first."""
        source = shutil.which(program)
        assert source, f"{program} is not installed (installers/linux/packages.sh test)"
        fresh = self.bin / f"{name}.new"
        shutil.copy(source, fresh)
        fresh.rename(self.bin / name)
        return self.bin / name

    def start(self, *command: str | Path, before: str = "") -> int:
        """Start a tool in the folder, as a session leader without a parent here; return its process's number."""
        words = " ".join(str(word) for word in command)
        script = f"setsid {before} {words} >/dev/null 2>&1 & echo $!"
        told = subprocess.run(["sh", "-c", script], cwd=self._folder, capture_output=True, text=True, check=True)
        self._started.append(int(told.stdout))
        return self._started[-1]

    def end(self, pid: int) -> None:
        """Kill a tool and what it has started, and wait for the tool's end."""
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            try:
                os.killpg(pid, signal.SIGKILL)
                until(lambda: is_readable(pidfd))
            finally:
                os.close(pidfd)
