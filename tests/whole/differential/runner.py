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
from collections.abc import Iterator
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
        self._tree = _Tree(Path(plan.tree))

    def run(self) -> None:
        with ThreadPoolExecutor(self._plan.workers) as hands:
            for done in hands.map(self._run, self._plan.commands):
                del done

    def _run(self, command: tuple[int, str]) -> None:
        number, text = command
        folder, home = self._base / "work" / str(number), self._base / "home" / str(number)
        for place in (folder, home):
            shutil.rmtree(place, ignore_errors=True)
        self._tree.lay_out(folder)
        home.mkdir(parents=True)
        try:
            record = self._ended(text, folder, {**os.environ, "HOME": str(home)})
            record |= {"number": number, "files": self._files(folder)}
        except Exception as wrong:  # one command line must not keep the others from being tried
            record = {"number": number, "status": LATE, "stdout": "", "stderr": repr(wrong), "files": {}}
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
        now = dict(_walk(folder))
        found: dict[str, object] = dict.fromkeys(self._tree.states.keys() - now.keys())
        for name, status in now.items():
            if self._tree.states.get(name) != _state(status):
                path = folder / name
                seen = _seen(path, status)
                if seen != self._tree.seen.get(name):
                    found[name] = seen
                    if stat.S_ISREG(status.st_mode):
                        self._keep(path, seen)
        return found

    def _keep(self, path: Path, seen: tuple[str, str, int]) -> None:
        kept = self._contents / seen[1]
        if seen[2] <= LARGEST_KEPT and not kept.exists():
            part = kept.with_suffix(f".{threading.get_ident()}")
            shutil.copyfile(path, part)
            part.replace(kept)


class _Tree:
    """The sources, held in memory since they are laid out so often.

    Attributes:
        states: of each file as long as nobody writes to it.
        seen: what `_seen` says of each.
    """

    def __init__(self, folder: Path) -> None:
        paths = dict(_walk(folder))
        self.states = {name: _state(status) for name, status in paths.items()}
        self.seen = {name: _seen(folder / name, status) for name, status in paths.items()}
        self._texts = {
            name: (folder / name).read_bytes() if stat.S_ISREG(status.st_mode) else None
            for name, status in paths.items()
        }
        self._statuses = paths

    def lay_out(self, folder: Path) -> None:
        """Copy the sources with their modes and times; folders come before what is in them."""
        folder.mkdir(parents=True)
        for name, text in self._texts.items():
            path, status = f"{folder}/{name}", self._statuses[name]
            if text is None:
                os.mkdir(path)
            else:
                with open(path, "wb") as file:
                    file.write(text)
                os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
            os.chmod(path, stat.S_IMODE(status.st_mode))


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a folder, by its path from there, with its status; folders come before what is in them."""
    left = [""]
    while left:
        at = left.pop()
        with os.scandir(folder / at) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                name = f"{at}/{entry.name}" if at else entry.name
                yield name, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    left.append(name)


def _state(status: os.stat_result) -> tuple[int, ...]:
    """What changes if somebody writes to a file; of a folder its mode."""
    if stat.S_ISDIR(status.st_mode):
        return (status.st_mode,)
    return status.st_mode, status.st_size, status.st_mtime_ns


def _seen(path: Path, status: os.stat_result) -> tuple[str, str, int]:
    """Mode as `ls -l` shows it, hash of the contents (of a file) and size of them."""
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
