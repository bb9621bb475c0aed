"""Lending that ends, and what may not: jobs that run when the agent is told to end, or its settings change."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

from tests.fakes.procfs import state
from tests.fakes.waiting import until
from tests.whole.scene import RECLAIM_MS, Build, Scene, compilers, inits, kill_all, milliseconds_until
from tests.whole.stage import boxed


def agent_ended_for_an_upgrade(scene: Scene) -> None:
    build = scene.build()
    running = _stop_compilers(build)
    scene.first.tell(signal.SIGTERM)
    shown = scene.first.wait("draining")
    assert shown["rule"] == "ending"
    until(lambda: len(scene.stage.hosts()) < len(scene.stations), "it is off the list while jobs run on")
    kill_all(running, signal.SIGCONT)
    assert scene.first.ends() == 0
    build.ends_well()
    scene.first.start()
    scene.first.wait("lent")
    lost = _lost(scene)
    scene.said.append(f"{len(shown['jobs'])} jobs ran to their end, {len(lost)} lost")
    assert not lost, lost


def returns_during_an_upgrade(scene: Scene) -> None:
    """A running compiler is stopped, so that waiting for it would take the whole grace."""
    build = scene.build()
    _stop_compilers(build)
    scene.first.tell(signal.SIGTERM)
    scene.first.wait("draining")
    foreign, began = boxed(scene.first.pid), time.monotonic()
    assert foreign
    scene.first.choose("keep")
    scene.measured("reclaim", milliseconds_until(lambda: not foreign & boxed(), "no job is left"), RECLAIM_MS)
    assert scene.first.ends() == 0
    scene.measured("agent ended", (time.monotonic() - began) * 1e3, 10_000)
    build.ends_well()
    scene.first.start()
    scene.first.wait("kept")


def agent_ended_at_once(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    began = time.monotonic()
    assert scene.first.stop(signal.SIGINT) == 0
    scene.measured("agent ended", (time.monotonic() - began) * 1e3, 10_000)
    until(lambda: len(scene.stage.hosts()) == len(scene.stations) - 1, "it is off the list")
    build.ends_well()
    scene.first.start()
    scene.first.wait("lent")


def lending_ends_without_hurry(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    scene.first.choose("lend", time.time() + 0.2)
    scene.first.wait("draining")
    before = {one["file"] for one in scene.first.status()["jobs"]}
    scene.first.wait("kept")
    build.ends_well()
    scene.said.append(f"{len(before)} jobs ran to their end")
    cut = [job for job in _lost(scene) if job["file"] in before]
    assert not cut, cut


def settings_of_boxes_change(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    old = inits(scene.first)
    scene.first.say("settings", "set", "scratch", "512")
    until(lambda: not old & inits(scene.first), "the old boxes end with their jobs")
    build.ends_well()
    assert scene.first.status()["state"] == "lent"
    lost = _lost(scene)
    assert not lost, lost


def _lost(scene: Scene) -> list[dict[str, Any]]:
    """Jobs that had begun on the first host and were cut there, by its own account; not those that won elsewhere."""
    told = json.loads(scene.first.say("history", "--json").stdout)
    return [job for job in told["jobs"] if job["end"] not in ("served", "the client left")]


def _stop_compilers(build: Build) -> set[int]:
    """Stop compilers of the first host in the middle of their work; return them, one or more."""
    build.begins()

    def stop() -> set[int]:
        running = compilers(build.scene.first)
        kill_all(running, signal.SIGSTOP)
        return running if any(state(one) == "T" for one in running) else set()

    return until(stop, "a compiler is stopped", every=0.002)
