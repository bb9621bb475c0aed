"""A real agent gives a lent machine back when somebody starts a real make on it.

The agent has a pid namespace and a proc of its own, so that builds elsewhere on this machine are not its business; the
make is started inside of it. That needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes import procfs
from tests.fakes.waiting import until
from tests.whole.stage import Stage, below

TOOL = "whole-make"
APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a pid namespace without a user namespace")


def test_the_owners_make_takes_the_machine_back(tmp_path: Path) -> None:
    shutil.copy(shutil.which("make") or "make", tmp_path / TOOL)
    (tmp_path / "Makefile").write_text("all:\n\tsleep 60\n")
    with Stage() as stage:
        stage.open_registry()
        before = (*APART, "env", f"PATH={tmp_path}:{stage.environ['PATH']}")
        station = stage.workstation("desk", before, own_build="keep", build_tools=TOOL)
        station.wait("lent")
        (agent,) = (pid for pid in below(station.pid) if procfs.name(pid) == "farmhand-agent")
        inside = ("nsenter", "-t", str(agent), "--pid", "--mount", "--")
        build = subprocess.Popen([*inside, tmp_path / TOOL, "-s", "-C", tmp_path], start_new_session=True)
        try:
            until(lambda: station.status()["rule"] == "own build", "the build is noticed")
            assert station.wait("kept")["reason"] == f"{TOOL} builds here"
        finally:
            os.killpg(build.pid, 9)
            build.wait()
        station.wait("lent")
