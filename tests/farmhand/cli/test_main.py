"""The program as a whole: where its words go, and what becomes of them when they cannot go there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fakes.fake_agent import KEPT, FakeAgent

import farmhand.cli.main
from farmhand.wire.local import Explain, Explanation

PROGRAM = [sys.executable, farmhand.cli.main.__file__]
COMMANDS = (["status"], ["status", "--json"], ["why"], ["settings"], ["settings", "--json"], ["block"], ["doctor"])


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which an agent seems to run, of a machine with a name that ASCII lacks."""
    folder = tmp_path / "farmhand"
    folder.mkdir(mode=0o700)
    names = ("RUNTIME_DIR", "STATE_HOME", "CONFIG_HOME", "CACHE_HOME")
    return {**os.environ, **{f"XDG_{name}": str(tmp_path) for name in names}}


@pytest.fixture(autouse=True)
def agent(environ: dict[str, str]) -> Iterator[FakeAgent]:
    shown = msgspec.structs.replace(KEPT, name="größe", blocked=("größe",))
    with FakeAgent(Path(environ["XDG_RUNTIME_DIR"], "farmhand", "agent.sock"), shown) as one:
        one.tells = {Explain: Explanation("kept", ())}
        yield one


def run(environ: dict[str, str], words: list[str], output: str) -> subprocess.CompletedProcess[str]:
    """Run a command with its output into a file or device, or closed."""
    shell = f'exec "$@" {output}'
    command = ["sh", "-c", shell, "sh", *PROGRAM, *words]
    return subprocess.run(command, env=environ, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_disk_is_told_in_a_line(environ: dict[str, str], words: list[str]) -> None:
    done = run(environ, words, ">/dev/full")
    assert done.returncode == 1
    assert done.stderr == "farmhand: cannot write what there is to say: No space left on device\n"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_who_closes_the_output_does_not_want_it(environ: dict[str, str], words: list[str]) -> None:
    done = run(environ, words, ">&-")
    assert (done.returncode, done.stderr) == (0 if words != ["doctor"] else done.returncode, "")


@pytest.mark.parametrize("words", [["hosts"], ["block"]])
def test_a_full_disk_for_complaints_changes_no_exit_status(environ: dict[str, str], words: list[str]) -> None:
    assert run(environ, words, "2>/dev/full").returncode == run(environ, words, "").returncode


def test_a_terminal_that_lacks_a_letter_gets_it_spelled(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [*PROGRAM, "status"], env={**environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"gr\\xf6\\xdfe: not lending")
