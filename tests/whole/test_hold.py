"""A nudge of the desk costs a build three seconds, not its jobs; a hand on the mouse still ends them."""

from __future__ import annotations

import subprocess

from tests.fakes.waiting import until
from tests.whole.stage import Stage, Workstation

SOURCE = "#include <map>\n#include <regex>\n#include <string>\nstd::map<int, std::regex> m;\n"


def compile_on(stage: Stage, station: Workstation) -> subprocess.Popen[bytes]:
    (stage.folder / "slow.cc").write_text(SOURCE)
    hosts = {"DISTCC_HOSTS": f"{station.environ['FARMHAND_GATE']}/2", "DISTCC_FALLBACK": "0"}
    environ = {**stage.environ, **hosts, "DISTCC_DIR": str(stage.folder)}
    command = ["distcc", "g++", "-O2", "-c", "slow.cc", "-o", "slow.o"]
    client = subprocess.Popen(command, cwd=stage.folder, env=environ, stderr=subprocess.DEVNULL)
    until(lambda: station.status()["jobs"], "the job runs")
    return client


def frozen(station: Workstation) -> bool:
    return station.status()["state"] == "held"


def test_a_nudge_holds_the_job_and_a_hand_ends_it() -> None:
    with Stage() as stage:
        stage.open_registry()
        station = stage.workstation("ws1", on_return="hold")
        station.wait("lent")
        client = compile_on(stage, station)
        stage.x.touch("mouse")
        until(lambda: frozen(station), "jobs are held")
        assert len(station.status()["jobs"]) == 1
        station.wait("lent")
        assert station.status()["reclaims"] == 0
        assert client.wait(60) == 0

        client = compile_on(stage, station)
        stage.x.touch("mouse")
        until(lambda: frozen(station), "jobs are held")
        while station.status()["state"] == "held":
            stage.x.touch("key")
        station.wait("kept")
        assert station.status()["reclaims"] == 1
        assert client.wait(60) != 0, "nothing was left to answer it, and it was told not to compile here"
