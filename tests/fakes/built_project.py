"""A small C project, and builds of it in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import run_build
from fakes.fake_gate import FakeGate

MAKEFILE = "OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))\nall: $(OBJECTS)\n%.o: %.c\n\t@gcc -O2 -c -o $@ $<\n"
ROOT = Path(run_build.__file__).parents[2]
UNWANTED = ("DISTCC", "MAKE", "CC", "FARMHAND")
"""Beginnings of variables that a build of a test does not hear of."""


@dataclass(frozen=True)
class Built:
    """How a build ended, and what it said."""

    status: int
    output: str
    errors: str

    @property
    def lines(self) -> list[str]:
        """What it said on standard error."""
        return self.errors.splitlines()


class Project:
    """A folder with C files and a Makefile, and the builds run in it.

    Attributes:
        folder: where the project lies.
        temporary: where builds put temporary files.
        hosts: the file of hosts, see `run_build`.
        summary: where builds put their counts.
    """

    def __init__(self, folder: Path, files: int = 3) -> None:
        self.folder = folder / "project"
        self.temporary = folder / "tmp"
        self.hosts = folder / "hosts"
        self.summary = folder / "summary.json"
        for made in (self.folder, self.temporary):
            made.mkdir()
        self.hosts.touch()
        (self.folder / "Makefile").write_text(MAKEFILE)
        body = "".join(f"int g{line}(int x) {{ return x % {line + 3}; }}\n" for line in range(120))
        for number in range(files):
            (self.folder / f"f{number}.c").write_text(f"int f{number}(int x) {{ return x * {number}; }}\n{body}")

    def environ(self, **variables: str) -> dict[str, str]:
        """The environment of a build."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
        own = {"TMPDIR": str(self.temporary), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        return kept | own | variables

    def words(self, *command: str, farm: str | None = None) -> tuple[str, ...]:
        """The command that builds; `farm` is "" for none, a registry's URL, or None for the file of hosts."""
        told = str(self.hosts) if farm is None else farm
        return (sys.executable, "-X", "dev", run_build.__file__, str(self.summary), told, *command)

    async def start(
        self,
        *command: str,
        farm: str | None = None,
        variables: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **how: Any,
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.words(*command, farm=farm),
            env=self.environ(**variables or {}),
            preexec_fn=before,
            **{"cwd": self.folder, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how,
        )

    async def build(
        self,
        *command: str,
        farm: str | None = None,
        variables: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **how: Any,
    ) -> Built:
        process = await self.start(*command, farm=farm, variables=variables, before=before, **how)
        return await ended(process)

    def counts(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.summary.read_text())
        return result

    def objects(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.glob("*.o")}

    def alone(self) -> dict[str, bytes]:
        """The objects that compilers make by themselves."""
        subprocess.run(["make"], cwd=self.folder, env=self.environ(), check=True)
        made = self.objects()
        self.clean()
        return made

    def clean(self) -> None:
        for path in self.folder.glob("*.o"):
            path.unlink()

    def offer(self, *gates: FakeGate) -> None:
        fresh = self.hosts.with_suffix(".new")
        fresh.write_text("".join(f"{gate.host().port}\n" for gate in gates))
        fresh.rename(self.hosts)

    def left_behind(self) -> list[Path]:
        return list(self.temporary.iterdir())


async def ended(process: asyncio.subprocess.Process) -> Built:
    """Wait for the end of a build."""
    output, errors = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode is not None
    return Built(process.returncode, (output or b"").decode(), (errors or b"").decode())
