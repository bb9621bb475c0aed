"""Run command lines, each in a fresh copy of the source tree, and record all that each did.

This program knows nothing of Farmhand and imports nothing of it: it is the build that `farmhand build` runs. Every
command line finds the same path, however often and by whichever way it is run, so that equal runs leave equal records.

Usage: python runner.py PLAN RECORDS, where PLAN is a JSON file (see `Plan`); RECORDS gets one JSON line for each
command line as soon as it has ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

LIMITS = "ulimit -c 0; ulimit -v 1048576; ulimit -t 20; ulimit -f 131072\n"
"""For each process: no core file, 1 GiB of memory, 20 s of processor time, 64 MiB a file."""

LATE = 1000
"""The status of a command line that did not end in time."""

LARGEST_KEPT = 1 << 22
"""Bytes; of a larger file only the hash is kept."""


@dataclass
class Plan:
    """What to run.

    Attributes:
        tree: the sources.
        base: folder for work; made if needed.
        contents: folder that keeps the contents of files that were made, by their hashes.
        commands: number and shell text of each command line.
        workers: command lines at once.
        seconds: that a command line may take.
    """

    tree: str
    base: str
    contents: str
    commands: list[tuple[int, str]]
    workers: int
    seconds: float

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


class Runner:
    """Runs the command lines of a plan."""

    def __init__(self, plan: Plan, records: Path) -> None:
        self._plan = plan
        self._records = records.open("a")
        self._lock = threading.Lock()
        self._base = Path(plan.base)
        self._contents = Path(plan.contents)
        self._sources = {str(path.relative_to(plan.tree)): _seen(path) for path in sorted(Path(plan.tree).rglob("*"))}

    def run(self) -> None:
        with ThreadPoolExecutor(self._plan.workers) as hands:
            for done in hands.map(self._run, self._plan.commands):
                del done

    def _run(self, command: tuple[int, str]) -> None:
        number, text = command
        folder, home = self._base / "work" / str(number), self._base / "home" / str(number)
        for place in (folder, home):
            shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._plan.tree, folder)
        home.mkdir(parents=True)
        try:
            record = self._ended(text, folder, {**os.environ, "HOME": str(home)})
            record |= {"number": number, "files": self._files(folder)}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(home, ignore_errors=True)
        with self._lock:
            self._records.write(json.dumps(record) + "\n")
            self._records.flush()

    def _ended(self, text: str, folder: Path, environ: dict[str, str]) -> dict[str, object]:
        """Run a command line to its end, or kill it."""
        with subprocess.Popen(
            ["/bin/sh", "-c", LIMITS + text],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                out, said = process.communicate(timeout=self._plan.seconds)
                status = process.returncode
            except subprocess.TimeoutExpired:
                status, out, said = LATE, b"", b""
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return {"status": status, "stdout": out.decode("latin1"), "stderr": said.decode("latin1")}

    def _files(self, folder: Path) -> dict[str, object]:
        """What differs from the sources: path to (mode, hash, size), and to None what is gone."""
        now = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
        found: dict[str, object] = dict.fromkeys(self._sources.keys() - now.keys())
        for name, path in now.items():
            seen = _seen(path)
            if self._sources.get(name) != seen:
                found[name] = seen
                self._keep(path, seen)
        return found

    def _keep(self, path: Path, seen: tuple[str, str, int]) -> None:
        kept = self._contents / seen[1]
        if seen[1] and seen[2] <= LARGEST_KEPT and not kept.exists():
            part = kept.with_suffix(f".{threading.get_ident()}")
            shutil.copyfile(path, part)
            part.replace(kept)


def _seen(path: Path) -> tuple[str, str, int]:
    """Mode as `ls -l` shows it, hash of the contents (of a file) and size of them."""
    status = path.lstat()
    mode = stat.filemode(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return mode, os.readlink(path), 0
    if not stat.S_ISREG(status.st_mode):
        return mode, "", 0
    with path.open("rb") as file:
        return mode, hashlib.file_digest(file, "sha256").hexdigest(), status.st_size


def main() -> int:
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    Path(plan.contents).mkdir(parents=True, exist_ok=True)
    Runner(plan, Path(sys.argv[2])).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
