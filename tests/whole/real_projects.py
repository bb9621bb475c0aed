"""Real C and C++ projects, each with its own build system and that one's default flags.

A project is laid out in a folder of its own: `src` holds the sources, `build` the objects where the build system can
keep them apart. Tests and manuals are not built.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.whole import source_package

WRITTEN = Path(__file__).parent / "sources"
"""Projects of ours, each for a way to build that the others do not show."""

Kind = Literal["configure", "build", "here"]


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a build.

    Attributes:
        kind: "build" counts compiles; "configure" runs in the same way but is counted apart; "here" never has to do
            with the farm.
        folder: where it runs, below the project's.
        words: program and arguments; `{jobs}` and `{root}` stand for the number of jobs and the project's folder.
    """

    kind: Kind
    folder: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RealProject:
    """What to build and how.

    Attributes:
        steps: in their order.
        packages: folders and the Debian source packages that are unpacked there.
        written: a folder of `WRITTEN` that becomes `src`; "" for none.
        needs: programs.
    """

    steps: tuple[Step, ...]
    packages: Mapping[str, str] = field(default_factory=dict[str, str])
    written: str = ""
    needs: tuple[str, ...] = ("make", "gcc")

    def lay_out(self, root: Path) -> None:
        """Put the sources and the folders of all steps below a new folder."""
        root.mkdir(parents=True)
        for folder, package in self.packages.items():
            source_package.unpack(package, root / folder)
        if self.written:
            shutil.copytree(WRITTEN / self.written, root / "src")
        for step in self.steps:
            (root / step.folder).mkdir(exist_ok=True)

    def lacks(self) -> list[str]:
        """Programs that it needs and that are not installed."""
        return [program for program in self.needs if shutil.which(program) is None]


def _make(folder: str, *words: str) -> Step:
    """`make`, where the output of a target comes in one piece (-O) and can be compared line by line."""
    return Step("build", folder, ("make", "-O", "-j{jobs}", *words))


def _configure(*words: str, folder: str = "build", script: str = "../src/configure") -> Step:
    return Step("configure", folder, (script, *words))


def _cmake(*words: str) -> Step:
    return Step("configure", "build", ("cmake", *words))


_NINJA = Step("build", "build", ("ninja", "-j{jobs}"))
_CMAKE = ("make", "gcc", "g++", "cmake", "ninja")
_KERNEL = _make("build", "-f", "../src/Makefile")

PROJECTS: Mapping[str, RealProject] = {
    "zlib": RealProject((_configure(), _make("build")), {"src": "zlib"}),
    "lua": RealProject((_make("src"),), {"src": "lua5.4"}),
    "xxhash": RealProject((_make("src"),), {"src": "xxhash"}),
    "lz4": RealProject((_make("src"),), {"src": "lz4"}),
    "fmt": RealProject(
        (_cmake("-G", "Ninja", "-DFMT_TEST=OFF", "-DFMT_DOC=OFF", "../src"), _NINJA),
        {"src": "fmtlib"},
        needs=_CMAKE,
    ),
    "expat": RealProject(
        (_cmake("-DEXPAT_BUILD_TESTS=OFF", "../src/expat"), _make("build")), {"src": "expat"}, needs=_CMAKE
    ),
    "libpng": RealProject(
        (
            _configure("--static", folder="zlib", script="./configure"),
            _make("zlib", "libz.a"),
            _configure("CPPFLAGS=-I{root}/zlib", "LDFLAGS=-L{root}/zlib"),
            _make("build"),
        ),
        {"src": "libpng1.6", "zlib": "zlib"},
    ),
    "sed": RealProject((_configure(), _make("build")), {"src": "sed"}),
    "redis": RealProject((_make("src"),), {"src": "redis"}),
    "kernel": RealProject(
        (_KERNEL, _KERNEL, Step("here", "src", ("touch", "drivers/net/ring.h")), _KERNEL), written="kernel"
    ),
    "modules": RealProject((_make("src"),), written="modules", needs=("make", "g++")),
    "ninja": RealProject(
        (_cmake("-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "../src"), _NINJA), written="ninja", needs=_CMAKE
    ),
}
"""By name. The last three are ours: recursive make as of Linux, C++20 modules, and CMake with Ninja."""
