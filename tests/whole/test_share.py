"""An owner who lends a slot while working: what runs beyond it ends at a touch. see tests/agent/gate/test_trimming."""

from __future__ import annotations

import subprocess

from tests.fakes.waiting import until
from tests.whole.stage import Stage, Workstation, boxed

SOURCE = """
constexpr unsigned spin(unsigned turns) { unsigned sum = 0; while (turns) sum += turns-- % 7; return sum; }
static_assert(spin(TURNS) > 0);
"""
"""Keeps a compiler busy for about 2 s for each million of turns."""


def compile_on(stage: Stage, station: Workstation, name: str, turns: int) -> subprocess.Popen[bytes]:
    folder = stage.folder / name
    folder.mkdir()
    (folder / "slow.cc").write_text(SOURCE)
    hosts = {"DISTCC_HOSTS": f"{station.environ['FARMHAND_GATE']}/4", "DISTCC_FALLBACK": "0"}
    environ = {**stage.environ, **hosts, "DISTCC_DIR": str(folder)}
    limits = [f"-fconstexpr-{what}-limit=2000000000" for what in ("ops", "loop")]
    command = ["distcc", "g++", f"-DTURNS={turns}", *limits, "-c", "slow.cc", "-o", "slow.o"]
    return subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL)


def works(station: Workstation) -> bool:
    """Whether the owner works beside the farm."""
    shown = station.status()
    return (shown["state"], shown["slots"], shown["rule"]) == ("lent", 1, "while you work")


def test_one_job_goes_on_while_the_owner_works_and_ends_with_the_owners_word() -> None:
    with Stage() as stage:
        stage.open_registry()
        station = stage.workstation("ws1", slots_in_use=1)
        station.wait("lent")
        until(lambda: station.status()["rule"] == "idle", "the owner is away")
        client = compile_on(stage, station, "a", 200_000)
        until(lambda: len(station.status()["jobs"]) == 1, "a job runs")
        stage.x.touch("mouse")
        until(lambda: works(station), "one slot is left")
        assert until(lambda: stage.hosts()[0]["slots"] == 1, "the registry knows")
        assert client.wait(300) == 0, "one job is no job too many"
        assert station.status()["reclaims"] == 0
        stage.x.touch("key")
        told = until(lambda: works(station) and station.say("why").stdout, "the owner works")
        assert "you lend up to 1 slot while you work" in told

        client = compile_on(stage, station, "b", 5_000_000)
        until(lambda: station.status()["jobs"], "a job runs")
        station.say("reclaim")
        station.wait("kept")
        assert not boxed(station.pid)
        assert client.wait(60) != 0
