"""The launcher program on this machine's disk, and the folder of compiler names that lead to it.

The launcher is compiled once from `launcher.c` with a compiler of this machine and kept in the user's data folder, and
so are folders of names, one for each set of names. Both outlive the build: a tree that was configured in a build and
has noted their paths goes on working, for outside a build a launcher only starts the real compiler.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from farmhand.distcc.commandline import DISTCC, PUMP, compiler_path
from farmhand.driver.compilers import LAUNCHER
from farmhand.errors import OwnerError
from farmhand.links import places
from farmhand.links.toolchains import WRAPPERS

SOURCE = Path(__file__).with_name("launcher.c")

PATIENCE = 30.0
"""Seconds that compiling the launcher may take."""

_COMPILER = re.compile(r"(?:[A-Za-z0-9_.]+-)*(?:cc|c\+\+|gcc|g\+\+|clang|clang\+\+)(?:-[0-9][0-9.]*)?|distcc")
_PUMP_SCRIPT = """#!/bin/sh
# Stands for distcc's pump in a build with Farmhand, which sends preprocessed files.
case "${1-}" in
  --startup | --shutdown) exit 0 ;;
  --help | "") echo "pump mode is not for builds with Farmhand: the command runs without it" ;;
  *) echo "farmhand: pump mode is not used: $1 runs without it" >&2; exec "$@" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Launchers:
    """What stands in front of a build's compilers.

    Attributes:
        launcher: the program; with a command line behind it, it launches that compiler.
        names: the folder of compiler names.
        compilers: the names of the compilers that are called in the end, by ccache, too.
    """

    launcher: Path
    names: Path
    compilers: tuple[str, ...]


def compiler_names(path: str) -> tuple[str, ...]:
    """Find the names of compilers in a PATH, in order.

    A name that leads to ccache or the like is left out: that program calls the compiler by itself.
    """
    found: dict[str, str] = {}
    for folder in path.split(":"):
        with suppress(OSError):
            for name in os.listdir(folder or "."):
                if name not in found and (_COMPILER.fullmatch(name) or name in PUMP):
                    file = os.path.join(folder, name)
                    if os.access(file, os.X_OK) and os.path.isfile(file):
                        found[name] = Path(os.path.realpath(file)).name
    return tuple(sorted(name for name, target in found.items() if target == DISTCC or target not in WRAPPERS))


def prepare(path: str, folder: Path | None = None) -> Launchers:
    """Make what is missing of launcher and names.

    Args:
        path: the build's PATH without Farmhand's folders.
        folder: where to keep them; None: the user's data folder.

    Raises:
        OwnerError: no compiler of this machine can compile the launcher, or the folder cannot be used.
    """
    home = folder or places.data_folder()
    if ":" in str(home):
        raise OwnerError(f"the folder {home} cannot stand in PATH: its name has a colon")
    names = compiler_names(path)
    compilers = tuple(name for name in compiler_names(compiler_path(path)) if name not in (*PUMP, DISTCC))
    launcher = _launcher(home, compilers, path)
    key = hashlib.sha256("\0".join((str(launcher), *names)).encode(errors="surrogateescape")).hexdigest()[:12]
    place = home / "compilers" / key
    try:
        if not place.is_dir():
            _make_names(place, launcher, names)
    except OSError as wrong:
        raise OwnerError(f"cannot make the folder {place}: {wrong.strerror}") from None
    return Launchers(launcher, place, compilers)


def _launcher(home: Path, compilers: Sequence[str], path: str) -> Path:
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    launcher = home / f"launcher-{platform.machine()}-{digest}" / LAUNCHER
    if not os.access(launcher, os.X_OK):
        try:
            launcher.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=launcher.parent) as name:
                fresh = Path(name) / "launcher"
                _compile(fresh, compilers, path)
                fresh.replace(launcher)
        except OSError as wrong:
            raise OwnerError(f"cannot keep the compiler launcher in {home}: {wrong.strerror}") from None
    return launcher


def _compile(target: Path, compilers: Sequence[str], path: str) -> None:
    """Compile the launcher: without shared libraries where that can be, for then it starts faster.

    Raises:
        OwnerError: no compiler can.
    """
    for_c = [name for name in compilers if "++" not in name]
    for name in sorted(for_c, key=lambda name: name not in ("cc", "gcc", "clang")):
        compiler = shutil.which(name, path=compiler_path(path)) or name
        for how in (["-static"], []):
            if _runs([compiler, "-O2", *how, "-o", str(target), str(SOURCE)], path):
                return
    raise OwnerError("no compiler in PATH can compile the launcher that Farmhand puts in front of compilers")


def _runs(command: Sequence[str], path: str) -> bool:
    environment = {"PATH": path, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
        tried = subprocess.run(
            [command[-2], "cc"], env={"PATH": os.devnull}, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and tried.returncode == 127  # it runs, and finds no compiler where none is


def _make_names(place: Path, launcher: Path, names: Iterable[str]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as made:
        fresh = Path(made) / "names"
        fresh.mkdir()
        for name in names:
            if name in PUMP:
                (fresh / name).write_text(_PUMP_SCRIPT)
                (fresh / name).chmod(0o755)
            else:
                (fresh / name).symlink_to(launcher)
        with suppress(OSError):  # another build was faster
            fresh.rename(place)
    if not place.is_dir():
        raise OSError(0, "it cannot be renamed into place")
