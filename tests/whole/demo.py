"""`make demo`: the whole story on a display of its own, one line a step, each with what was measured.

Exits 0 only if all of it held.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from farmhand.lending.facts import LOCK_GESTURE
from tests.fakes.waiting import TooLate, until
from tests.whole import lua
from tests.whole.stage import Stage, Workstation, boxed

IDLE_AFTER = 2.0


class Story:
    """Tells the steps and keeps the time."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def tell(self, what: str) -> None:
        """Print one step."""
        print(f"{time.monotonic() - self._began:6.1f} s  {what}", flush=True)


def main() -> int:
    """Play the story; return 0 if everything held."""
    story = Story()
    before = boxed()
    try:
        with Stage() as stage:
            _play(stage, story)
        left = boxed() - before
        assert not left, f"left behind: {left}"
        assert not stage.folder.exists()
    except (AssertionError, TooLate, subprocess.CalledProcessError) as wrong:
        print(f"demo failed: {wrong}", file=sys.stderr)
        return 1
    story.tell("nothing left behind: no process, no file, no socket")
    return 0


def _play(stage: Stage, story: Story) -> None:
    fetched = lua.fetch()
    story.tell(f"Lua 5.4 {'fetched' if fetched else 'taken from the cache'}")
    local = _build_here(stage, story)
    story.tell(f"registry at {stage.open_registry()}, display {stage.x.display}")
    station = stage.workstation("workstation", idle_after=IDLE_AFTER)
    _goes_idle(stage, story, station)
    remote = _owner_returns_in_the_middle(stage, story, station)
    _compare(local, remote, story)
    _goes_idle(stage, story, station)
    _build_undisturbed(stage, story, local)
    _leave(stage, story, station)
    _screensaver(stage, story)


def _build_here(stage: Stage, story: Story) -> Path:
    folder = lua.unpack(stage.folder / "local")
    began = time.monotonic()
    jobs = f"-j{os.cpu_count()}"
    subprocess.run([*lua.BUILD, jobs], cwd=folder, env=stage.environ, check=True, capture_output=True)
    story.tell(f"built on this machine alone, for comparison: {len(_objects(folder))} objects in {_since(began)}")
    return folder


def _goes_idle(stage: Stage, story: Story, station: Workstation) -> None:
    stage.x.touch("mouse")
    began = time.monotonic()
    station.wait("lent")
    (host,) = stage.hosts()
    assert host["name"] == "workstation", host
    took = _since(began)
    story.tell(f"idle for {IDLE_AFTER:g} s -> lent after {took}; the registry lists it with {host['slots']} slots")


def _owner_returns_in_the_middle(stage: Stage, story: Story, station: Workstation) -> Path:
    folder = lua.unpack(stage.folder / "remote")
    summary = stage.folder / "summary.json"
    build = stage.build(folder, *lua.BUILD, "-j4", summary=summary)
    until(lambda: len(_objects(folder)) >= 8 and station.status()["jobs"], "jobs run on the workstation")
    jobs = station.status()["jobs"]
    story.tell(f"building with -j4; on the workstation now: {', '.join(_job(job) for job in jobs)}")
    touched = time.monotonic()
    stage.x.touch("mouse")
    until(lambda: not boxed(), "no foreign process", every=0)
    seen = (time.monotonic() - touched) * 1e3
    shown = station.wait("kept")
    assert shown["last_reclaim_ms"] < 100, shown
    took = f"{shown['last_reclaim_ms']:.0f} ms, 0 foreign processes ({seen:.0f} ms with xdotool's own start)"
    story.tell(f"mouse moved -> back to its owner in {took}")
    until(lambda: not stage.hosts(), "the registry forgets the host", 2)
    story.tell("withdrawn: the registry lists nobody")
    output, _ = build.communicate(timeout=60)
    assert build.returncode == 0, output
    told = json.loads(summary.read_text())
    assert told["remote"] > 0, told
    story.tell(f"the build ended with status 0: {_counts(told)}")
    assert not re.search(r"distcc\[|\berror\b", output), output
    return folder


def _build_undisturbed(stage: Stage, story: Story, local: Path) -> None:
    folder = lua.unpack(stage.folder / "undisturbed")
    summary = stage.folder / "undisturbed.json"
    build = stage.build(folder, *lua.BUILD, summary=summary)
    output, _ = build.communicate(timeout=60)
    assert build.returncode == 0, output
    told = json.loads(summary.read_text())
    assert told["remote"] > 0, told
    story.tell(f"built undisturbed, -j filled in: {_counts(told)}")
    _compare(local, folder, story)


def _compare(local: Path, remote: Path, story: Story) -> None:
    mine, theirs = _objects(local), _objects(remote)
    assert [one.name for one in mine] == [one.name for one in theirs]
    different = [a.name for a, b in zip(mine, theirs, strict=True) if not filecmp.cmp(a, b, shallow=False)]
    assert not different, f"objects differ: {different}"
    story.tell(f"all {len(mine)} objects are byte-identical to the local build's")


def _screensaver(stage: Stage, story: Story) -> None:
    """Only the screensaver can be the reason here: `idle_after` is far away."""
    saver = stage.run("xscreensaver", "-no-splash", environ={**stage.environ, "HOME": str(stage.folder)})
    ask = ["xscreensaver-command", "-time"]
    until(lambda: subprocess.run(ask, env=stage.environ, capture_output=True, check=False).returncode == 0, "a saver")
    station = stage.workstation("workstation", idle_after=3600)
    until(lambda: "xscreensaver" in station.say("status").stdout, "the agent hears the screensaver")
    time.sleep(LOCK_GESTURE)
    began = time.monotonic()
    subprocess.run(["xscreensaver-command", "-activate"], env=stage.environ, check=True, capture_output=True)
    shown = station.wait("lent")
    story.tell(f"xscreensaver blanks -> lent after {_since(began)}, because {shown['reason']}")
    told = station.say("reclaim").stdout.splitlines()
    station.wait("kept")
    assert not boxed()
    until(lambda: not stage.hosts(), "the registry forgets the host", 2)
    story.tell(f"farmhand reclaim -> {told[0]}")
    _leave(stage, story, station)
    saver.terminate()
    saver.wait(10)


def _leave(stage: Stage, story: Story, station: Workstation) -> None:
    status = station.stop()
    assert status == 0, f"the agent ended with {status}: {station.log.read_text()}"
    until(lambda: not stage.hosts(), "the registry forgets the host", 2)
    story.tell("agent ended with status 0; the registry lists nobody")


def _objects(folder: Path) -> list[Path]:
    return sorted(folder.glob("src/*.o"))


def _job(job: dict[str, str]) -> str:
    return f"{job['file']} for {job['user']}@{job['host']}"


def _counts(told: dict[str, float]) -> str:
    share = told["remote"] / told["total"]
    farm = f"{told['remote']} of {told['total']} compiles on the farm ({share:.0%})"
    return f"{farm}, {told['local']} here, {told['moved']} moved"


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
