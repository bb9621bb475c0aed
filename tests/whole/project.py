"""A made-up C project: as many files as wanted, each 50 to 150 ms of compiler work, the same for the same seed."""

from __future__ import annotations

import filecmp
import os
import random
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FLAGS = "-O1"

_MAKEFILE = """\
CC = gcc
objects = {objects}

all: $(objects)

%.o: %.c shared.h
\t{pause}$(CC) {flags} $(EXTRA) -c $< -o $@
"""

_FUNCTION = """\
unsigned {name}(unsigned a, unsigned b, struct record *r)
{{
    for (unsigned i = 0; i < {turns}; i++) {{
        a = (a * {factor}u) ^ (b >> {shift});
        r->field[i % 8] += a % {divisor}u;
        if (r->field[(i + {step}) % 8] > b) b += a & {mask}u; else a -= rotate(b, {shift});
        switch (a % 5) {{ case 0: b ^= {mask}u; break; case 1: a += i; break; case 3: r->count++; default: b--; }}
    }}
    return a + b;
}}
"""

_HEADER = """\
struct record { unsigned field[8]; unsigned count; };
static inline unsigned rotate(unsigned value, unsigned by) { return value << by | value >> (32 - by); }
"""


@dataclass(frozen=True)
class Project:
    """Sources that can be laid out again and again, and the objects that a compiler of this machine makes of them.

    Attributes:
        texts: file names and contents.
        reference: folder with the objects of a local build.
    """

    texts: Mapping[str, str]
    reference: Path

    @property
    def objects(self) -> list[str]:
        """Names of the objects that a build makes."""
        return sorted(name.replace(".c", ".o") for name in self.texts if name.endswith(".c"))

    def lay_out(self, folder: Path) -> Path:
        """Write the sources into a new folder and return it."""
        folder.mkdir(parents=True)
        for name, text in self.texts.items():
            (folder / name).write_text(text)
        return folder

    def wrong(self, folder: Path) -> list[str]:
        """Names of the objects in `folder` that are missing or differ from the reference by a byte."""
        _, different, missing = filecmp.cmpfiles(folder, self.reference, self.objects, shallow=False)
        return sorted(different + missing)


def make_project(folder: Path, files: int = 60, seed: int = 1, functions: int = 24, pause: float = 0) -> Project:
    """Invent a project and build it once on this machine alone.

    Args:
        folder: for the reference; is made.
        files: how many C files.
        seed: the same one gives the same files.
        functions: of a file, give or take a half; 24 take about 0.1 s to compile.
        pause: seconds that make sleeps before each compile.
    """
    chance = random.Random(seed)
    names = [f"part{number:03}" for number in range(files)]
    texts = {f"{name}.c": _source(name, chance, functions) for name in names}
    texts["shared.h"] = _HEADER
    objects = " ".join(f"{name}.o" for name in names)
    texts["Makefile"] = _MAKEFILE.format(objects=objects, flags=FLAGS, pause=f"sleep {pause}; " if pause else "")
    project = Project(texts, folder / "reference")
    project.lay_out(project.reference)
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = ["make", f"-j{os.cpu_count()}", "CC=/usr/bin/gcc"]
    subprocess.run(command, cwd=project.reference, env=plain, check=True, capture_output=True)
    return project


def _source(name: str, chance: random.Random, functions: int) -> str:
    parts = ['#include "shared.h"\n']
    for number in range(chance.randint(functions // 2, functions * 3 // 2)):
        parts.append(
            _FUNCTION.format(
                name=f"{name}_{number}",
                turns=chance.randint(3, 90),
                factor=chance.randrange(1, 1 << 31),
                shift=chance.randint(1, 31),
                divisor=chance.randint(2, 999),
                step=chance.randint(1, 7),
                mask=chance.randrange(1, 1 << 31),
            )
        )
    return "\n".join(parts)
