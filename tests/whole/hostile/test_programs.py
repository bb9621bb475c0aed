"""Programs that a request brings along, or makes a compiler run, run in the box alone."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from fakes.hostile_client import SOURCE, Gate, files_inside, run_inside, said, send
from fakes.outside import SECRET, Outside
from fakes.raw_client import pump_request

PLUGIN = """
#include <stdlib.h>
int plugin_is_GPL_compatible;
int plugin_init(void *info, void *version) { return 1; }
__attribute__((constructor)) static void begin(void) { system("%s"); }
"""


@pytest.fixture(scope="module")
def script(canaries: Outside) -> str:
    """What hostile code does: leave a mark inside, try everything outside, and fail so that an answer comes."""
    there = canaries.folder
    touch = f"touch {there}/ran {there}/secret {canaries.at_home}; chmod 0 {there}/secret {canaries.at_home}"
    return f"touch $TMPDIR/ran; cat {there}/secret; {touch}; rm -rf {there}/secret; false"


@pytest.fixture(scope="module")
def plugin(script: str) -> bytes:
    """A compiler plugin that runs the script as soon as it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "evil.c").write_text(PLUGIN % script)
        subprocess.run(["gcc", "-shared", "-fPIC", "-s", "-o", "evil.so", "evil.c"], cwd=folder, check=True)
        return (Path(folder) / "evil.so").read_bytes()


async def test_a_wrapper_runs_programs_but_only_inside(gate: Gate, outside: Outside, script: str) -> None:
    answer = await run_inside(gate, script, "sh")
    assert SECRET.encode() not in said(answer)
    assert "ran" in await files_inside(gate), "it did run"


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (["gcc", "-specs", "evil.specs"], True),
        (["gcc", "--specs=evil.specs"], True),
        (["gcc", "-specs=evil.specs"], False),
        (["gcc", "@evil.args"], True),
        (["gcc", "-fplugin=./evil.so"], False),
        (["gcc", "-B", "tools/"], None),
        (["clang", "-Xclang", "-load", "-Xclang", "./evil.so"], True),
        (["clang", "-fpass-plugin=./evil.so"], True),
        (["clang", "@evil.args"], True),
        (["clang", "--config", "evil.args"], None),
    ],
    ids=[f"attack {number}" for number in range(1, 11)],
)
async def test_shipped_programs_run_only_inside(
    gate: Gate, outside: Outside, script: str, plugin: bytes, words: list[str], runs: bool | None
) -> None:
    loads = b"-fplugin=./evil.so\n"
    files = [
        ("/src/a.c", SOURCE),
        ("/src/evil.args", loads),
        ("/src/evil.so", plugin),
        ("/src/evil.specs", b".c:\n  sh run.sh\n"),
        ("/src/run.sh", script.encode()),
        ("/src/tools/cc1", f"#!/bin/sh\n{script}\n".encode()),
    ]
    message = pump_request([*words, "-c", "a.c", "-o", "a.o"], files, "/src")
    answer = await send(gate, message, version=3)
    assert SECRET.encode() not in said(answer)
    ran = "ran" in await files_inside(gate)
    assert runs is None or ran is runs, said(answer)
