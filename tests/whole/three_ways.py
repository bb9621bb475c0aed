"""A bench that builds a project plainly, by `farmhand build` alone, and by `farmhand build` on a farm that helps.

All builds of a project happen in a folder of the same path and with the same environment, for both get into objects.
What a build leaves in its home folder and its TMPDIR counts as its files.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.fakes.waiting import until
from tests.whole.real_projects import RealProject, Step
from tests.whole.same_build import Difference, compare_lines, compare_trees, lines_of
from tests.whole.stage import BIN, Stage, end_build

Way = Literal["plainly", "plainly again", "alone", "farm"]

LENDERS = ("lender1", "lender2")
SLOTS = 2
EPOCH = "1700000000"
"""SOURCE_DATE_EPOCH, the time that compilers write into objects."""

PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PATIENCE = 1800
"""Seconds that one step may take."""


@dataclass(slots=True)
class Outcome:
    """What a build left and said.

    Attributes:
        root: the folder that it left.
        status: "" if all steps ended with 0, else the step and its status.
        lines: what its steps said.
        seconds: by kind of step.
        compiled: files that the build steps compiled in this way, by place: total, remote, local.
        summaries: of all steps, as written by `--json-summary`.
        output: all that was said, in its order.
    """

    root: Path
    status: str = ""
    lines: Counter[str] = field(default_factory=Counter[str])
    seconds: Counter[str] = field(default_factory=Counter[str])
    compiled: Counter[str] = field(default_factory=Counter[str])
    summaries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    output: str = ""


class Bench:
    """A registry, agents that lend, and folders for builds.

    Args:
        stage: where it plays; gets a registry and agents.
        jobs: for -j.
    """

    def __init__(self, stage: Stage, jobs: int = 2) -> None:
        self._stage = stage
        self._jobs = jobs
        self._own = stage.folder / "builder"
        self._kept = stage.folder / "kept"
        for folder in ("run", "state", "config", "data", "cache"):
            (self._own / folder).mkdir(mode=0o700, parents=True)
        stage.open_registry()
        for name in LENDERS:
            stage.workstation(name, lend="always", slots=SLOTS)
        until(lambda: len(stage.hosts()) == len(LENDERS), "all lend", 60)

    def build(self, name: str, project: RealProject, way: Way) -> Outcome:
        """Build a project in one way, up to the first step that fails."""
        root = self._stage.folder / "work" / name
        project.lay_out(root)
        for folder in ("home", "tmp"):
            (root / folder).mkdir()
        done = Outcome(self._kept / name / way.replace(" ", "-"))
        for step in project.steps:
            if done.status:
                break
            self._take(step, root, way, done)
        done.root.parent.mkdir(parents=True, exist_ok=True)
        root.rename(done.root)
        return done

    def forget(self, name: str) -> None:
        """Remove all that the builds of a project left."""
        shutil.rmtree(self._kept / name, ignore_errors=True)

    def _take(self, step: Step, root: Path, way: Way, done: Outcome) -> None:
        summary = self._own / "summary.json"
        summary.unlink(missing_ok=True)
        words = [word.format(jobs=self._jobs, root=root) for word in step.words]
        before = () if step.kind == "here" else self._wrapper(way, summary)
        began = time.monotonic()
        status, said = self._run([*before, *words], root / step.folder, self._environ(root))
        done.seconds[step.kind] += time.monotonic() - began
        done.lines += lines_of(said)
        done.output += said
        if status != 0:
            done.status = f"{' '.join(words)}: {status}"
        if summary.exists():
            told = json.loads(summary.read_text())
            done.summaries.append(told)
            if step.kind == "build":
                done.compiled.update({place: told[place] for place in ("total", "remote", "local")})

    def _wrapper(self, way: Way, summary: Path) -> Sequence[str]:
        farmhand = (str(BIN / "farmhand"), "build", "--quiet")
        wrappers: Mapping[Way, Sequence[str]] = {
            "plainly": (),
            "plainly again": (),
            "alone": farmhand,
            "farm": (
                *(*farmhand, "--json-summary", str(summary)),
                *("--registry", self._stage.registry, "--local-jobs", "0"),
            ),
        }
        return wrappers[way]

    def _run(self, words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[int, str]:
        """Run a command to its end; return its status and what it said."""
        log = self._own / "said"
        with log.open("w") as said:
            build = subprocess.Popen(
                words,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
            )
            try:
                status = build.wait(PATIENCE)
            finally:
                end_build(build)
        return status, log.read_text(errors="replace")

    def _environ(self, root: Path) -> dict[str, str]:
        """The same for all ways; of the outer environment only who we are."""
        own = {
            f"XDG_{name}": str(self._own / folder)
            for name, folder in (
                ("RUNTIME_DIR", "run"),
                ("STATE_HOME", "state"),
                ("CONFIG_HOME", "config"),
                ("DATA_HOME", "data"),
                ("CACHE_HOME", "cache"),
            )
        }
        who = {name: os.environ[name] for name in ("USER", "LOGNAME") if name in os.environ}
        return {
            **who,
            **own,
            "PATH": PATH,
            "HOME": str(root / "home"),
            "TMPDIR": str(root / "tmp"),
            "LANG": "C.UTF-8",
            "SOURCE_DATE_EPOCH": EPOCH,
        }


def differences(plain: Outcome, other: Outcome) -> list[Difference]:
    """What a build left and said otherwise than the plain one; if one of them failed, its status alone."""
    if plain.status or other.status:
        same = plain.status == other.status
        return [] if same else [Difference("status", other.status or "0", f"plainly {plain.status or '0'}")]
    return compare_trees(plain.root, other.root) + compare_lines(plain.lines, other.lines)
