"""Three ways to run command lines: plainly, with Farmhand alone, and with Farmhand and a farm.

All ways run the same program, runner.py, with the same environment and at the same path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.waiting import until
from tests.whole.differential import runner
from tests.whole.differential.compare import Record
from tests.whole.differential.runner import Plan
from tests.whole.stage import BIN, Stage

TREE = Path(__file__).parent / "tree"
RUNNER = [sys.executable, "-I", str(Path(runner.__file__).resolve())]


@dataclass(frozen=True)
class Way:
    """How to run a build.

    Attributes:
        name: for the report.
        before: words before the build's command; "SUMMARY" among them stands for a file for the counts.
        workers: command lines at once.
        seconds: that a command line may take.
    """

    name: str
    before: tuple[str, ...] = ()
    workers: int = 2
    seconds: float = 20


PLAINLY = Way("plainly")
ALONE = Way("alone", (str(BIN / "farmhand"), "build", "--quiet", "--json-summary", "SUMMARY"), 2, 60)


def on_the_farm(registry: str) -> Way:
    """The way whose compiles all leave the machine, if they can."""
    words = "build", "--quiet", "--json-summary", "SUMMARY", "--registry", registry, "--local-jobs", "0"
    return Way("farm", (str(BIN / "farmhand"), *words), 4, 60)


@dataclass(frozen=True)
class Result:
    """What became of a batch.

    Attributes:
        records: by the number of the command line; none is there for what a build that broke off did not run.
        counts: the build's summary; {} if it wrote none.
        said: what the build said beside the command lines, which should be nothing.
        status: the build's exit status.
        seconds: how long it took.
    """

    records: Mapping[int, Record]
    counts: Mapping[str, int]
    said: str
    status: int
    seconds: float


class Place:
    """A folder for runs; each way finds it empty and at the same path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.contents = folder / "contents"

    def forget(self) -> None:
        """Remove the contents of files that were made."""
        shutil.rmtree(self.contents, ignore_errors=True)

    def run(
        self, way: Way, commands: Sequence[tuple[int, str]], tick: Callable[[int], object] = lambda _: None
    ) -> Result:
        """Run a batch.

        Args:
            way: how.
            commands: number and text of each command line.
            tick: is told now and then how many have ended.
        """
        base, plan, records = self._folder / "base", self._folder / "plan.json", self._folder / "records"
        summary, said = self._folder / "summary.json", self._folder / "said"
        for left in (base, records, summary):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        (base / "tmp").mkdir(parents=True)
        records.touch()
        Plan(str(TREE), str(base), str(self.contents), list(commands), way.workers, way.seconds).write(plan)
        before = [str(summary) if word == "SUMMARY" else word for word in way.before]
        began = time.monotonic()
        with said.open("wb") as output:
            build = subprocess.Popen(
                [*before, *RUNNER, str(plan), str(records)],
                env=_environment(self._folder),
                cwd=base,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            while True:
                try:
                    build.wait(2)
                    break
                except subprocess.TimeoutExpired:
                    tick(records.read_bytes().count(b"\n"))
        seconds = time.monotonic() - began
        found = {one["number"]: one for one in map(json.loads, records.read_text().splitlines())}
        counts = json.loads(summary.read_text()) if summary.exists() else {}
        return Result(found, counts, said.read_text(errors="replace"), build.returncode, seconds)


def _environment(folder: Path) -> dict[str, str]:
    """Of all runs: nothing of whoever runs this but where programs are."""
    own = folder / "own"
    for name in ("config", "state", "data", "cache", "run"):
        (own / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "PATH": os.pathsep.join((str(BIN), "/usr/local/bin", "/usr/bin", "/bin")),
        "HOME": str(own),
        "LANG": "C.UTF-8",
        "TMPDIR": str(folder / "base" / "tmp"),
        "SOURCE_DATE_EPOCH": "1700000000",
        "DISTCC_HOSTS": "localhost",
        "XDG_CONFIG_HOME": str(own / "config"),
        "XDG_STATE_HOME": str(own / "state"),
        "XDG_DATA_HOME": str(own / "data"),
        "XDG_CACHE_HOME": str(own / "cache"),
        "XDG_RUNTIME_DIR": str(own / "run"),
    }


def _in_memory() -> str | None:
    """A folder of a file system in memory from which programs may be started; None: there is none."""
    shm = "/dev/shm"
    usable = os.access(shm, os.W_OK) and not os.statvfs(shm).f_flag & os.ST_NOEXEC
    return shm if usable else None


@contextmanager
def place() -> Iterator[Place]:
    """A place that is removed at the end; in memory if it can be, for tens of thousands of files are made in it."""
    folder = Path(tempfile.mkdtemp(prefix="differential-", dir=_in_memory()))
    try:
        yield Place(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def farm(lenders: int = 2, slots: int = 4) -> Iterator[str]:
    """A registry and agents that lend, on loopback; yields the registry's URL."""
    with Stage(display=False) as stage:
        registry = stage.open_registry()
        for number in range(lenders):
            stage.workstation(f"lender{number}", lend="always", slots=slots)
        until(lambda: len(stage.hosts()) == lenders, "all lend", within=60)
        yield registry
