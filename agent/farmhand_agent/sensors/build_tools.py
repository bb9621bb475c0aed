"""Hearing that a build may have started: the programs that builds start with, and watches on their files.

1. A program is looked for in every folder where shells find one, and where the usual installers put them.
2. Every file that is found is watched for being opened, which executing it does. What else opens it, such as a backup,
   is told apart by whoever listens, by a look at the processes.
3. Folders are watched too, for a program that is installed or replaced; of a folder that is not there, the nearest one
   above it that is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from farmhand_agent.sensors import inotify
from farmhand_agent.sensors.inotify import Event, Inotify
from farmhand_agent.sensors.process_names import COMM_LENGTH

TOOLS = ("make", "gmake", "ninja", "samu", "cargo", "bazel", "scons", "meson", "cmake")
"""What starts a whole build. No job of the farm does, so an opened file nearly always means a build here."""

COMPILERS = ("cc", "c++", "gcc", "g++", "clang", "clang++", "rustc")
"""What compiles a single file. Jobs of the farm open the same files in their boxes, all day long."""

USUAL = ("/usr/local/bin", "/usr/bin", "/bin")
AT_HOME = (".local/bin", ".cargo/bin")
"""Where installers without privileges put programs, below HOME."""

VERSION = re.compile(r"-[0-9][0-9.]*$")
"""The end of names such as gcc-12."""

FILE = inotify.OPEN | inotify.ATTRIB | inotify.GOES
FOLDER = inotify.APPEARS | inotify.GOES


def plain(name: str) -> str:
    """Return the name of a program without its version."""
    return VERSION.sub("", name)


def folders(environ: Mapping[str, str], others: Iterable[str] = ()) -> tuple[Path, ...]:
    """Return where programs may be, each folder once.

    Args:
        environ: of the owner's session.
        others: folders with programs in them or in their "bin".
    """
    home = environ.get("HOME", "")
    places = (
        *environ.get("PATH", "").split(os.pathsep),
        *USUAL,
        *(f"{home}/{one}" for one in AT_HOME if home),
        *(place for one in others for place in (one, f"{one}/bin")),
    )
    return tuple(dict.fromkeys(Path(one) for one in places if one.startswith("/")))


class Files:
    """Programs of some names, wherever they are.

    Args:
        names: of programs.
        places: folders where they may be.
    """

    def __init__(self, names: Iterable[str], places: Iterable[Path]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._places = tuple(places)

    def by_process_name(self) -> dict[str, str]:
        """Return the programs by how the kernel may call their processes, versions left out.

        A file may stand for one with a longer name, as gcc does for x86_64-linux-gnu-gcc-12; that one counts too.
        """
        there = ((name, path) for name, path in self._paths() if os.path.exists(path))
        real = ((name, plain(os.path.basename(os.path.realpath(path)))) for name, path in there)
        longer = {found[:COMM_LENGTH]: name for name, found in real if name in found}
        return longer | {name[:COMM_LENGTH]: name for name in self._names}

    def watched_by(self, watches: Inotify) -> Watched:
        """Watch all there are, and where others may appear."""
        files = {watches.add(path, FILE) for _, path in self._paths()}
        awaited: dict[int, set[str]] = {}
        for place in self._places:
            there, names = _nearest(place, self._names)
            watch = watches.add(there, FOLDER)
            if watch is not None:
                awaited.setdefault(watch, set()).update(names)
        return Watched(frozenset(one for one in files if one is not None), awaited)

    def _paths(self) -> Iterator[tuple[str, str]]:
        """Yield every name with every path that it may have; strings, since a look takes no time for more."""
        return ((name, f"{place}/{name}") for place in self._places for name in self._names)


class Watched:
    """Tells which events matter.

    Args:
        files: watches of programs.
        awaited: names by the watch of the folder in which they would matter.
    """

    def __init__(self, files: frozenset[int], awaited: Mapping[int, set[str]]) -> None:
        self._files = files
        self._awaited = awaited

    def concerns(self, event: Event) -> bool:
        """Whether a program was started or replaced, or is new, as far as `event` can tell."""
        if event.mask & (inotify.LOST | inotify.GOES) or event.watch in self._files:
            return True
        return event.name in self._awaited.get(event.watch, ())


def _nearest(place: Path, names: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """Return the folder to watch for programs in `place`, and the names that would matter there."""
    while not place.is_dir() and place != place.parent:
        place, names = place.parent, (place.name,)
    return place, names
