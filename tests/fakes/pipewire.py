"""A real PipeWire in a runtime folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.ports import takes_calls
from fakes.waiting import until


class PipeWire:
    """Carries streams for programs of one session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        quiet = subprocess.DEVNULL
        environ = {**os.environ, **self.environ}
        self._process = subprocess.Popen(["pipewire"], env=environ, stdin=quiet, stdout=quiet, stderr=quiet)
        until(lambda: takes_calls(self._folder / "pipewire-0"), "PipeWire listens")
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.kill()

    @staticmethod
    def why_not() -> str | None:
        """Why it cannot be run here, or None."""
        there = all(shutil.which(one) for one in ("pipewire", "pw-dump"))
        return None if there else "PipeWire is not installed (installers/linux/packages.sh test)"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a session with it."""
        return {"XDG_RUNTIME_DIR": str(self._folder), "PATH": os.environ["PATH"]}

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()
