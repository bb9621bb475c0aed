"""The build's command and environment, so that stock distcc sends every compile to one local port.

Rules: what the user asked for stays (a given `-jN`); what would break the farm's promises goes (an old host list,
DISTCC_SKIP_LOCAL_RETRY, which lets a host fail a build); everything else is passed on untouched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from posixpath import basename

from farmhand.distcc.hostspec import HostSpec, render_list

MASQUERADE = "/usr/lib/distcc"
"""Where distributions keep links named after compilers that lead to distcc."""

CONNECTOR_LIMIT = 1000
"""Jobs that distcc may have at the connector at once: more than any -j, since the connector does the queueing."""

_MAKE = re.compile(r"(g|bsd|re)?make(-[0-9.]+)?|[a-z0-9_]+-make")
_NINJA = re.compile(r"ninja(-build)?(-[0-9.]+)?|samu")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_MAKE_JOBS = re.compile(r"(?P<others>-[bBdehiknpqrRsStvw]*)j(?P<given>.*)|--jobs(?P<long>=.*)?", re.DOTALL)
_DROPPED = (
    "DISTCC_SKIP_LOCAL_RETRY",
    "DISTCC_POTENTIAL_HOSTS",
    "DISTCC_IO_TIMEOUT",
    "DISTCC_VERBOSE",
    "DISTCC_TCP_CORK",
    "INCLUDE_SERVER_PORT",
)
_ENV_WITH_VALUE = ("-u", "-C", "--unset", "--chdir")


@dataclass(frozen=True, slots=True)
class Room:
    """How much a build can run at once.

    Attributes:
        remote: slots of other machines.
        here: slots of this one.
        cores: logical processors of this machine, 1 or more.
    """

    remote: int
    here: int
    cores: int


def job_count(room: Room) -> int:
    """The number for -j: every slot busy, and enough jobs in preparation to keep it so.

    While a slot is busy, its job's make child only waits. So there must be one job for each slot, and some more that
    preprocess meanwhile: one for four remote slots (preprocessing takes about a twentieth to a fifth of a compile),
    but no more than twice the cores, for they all run on this machine and use its memory.
    """
    saturation = min(2 * room.cores, -(-room.remote // 4))
    return max(1, room.here, room.remote + room.here + saturation)


def with_jobs(command: Sequence[str], jobs: int, makeflags: str = "") -> tuple[tuple[str, ...], int | None]:
    """Give make or ninja a `-jN` when nobody chose one.

    Args:
        command: program and arguments; `env A=B make` and `A=B`-less paths such as /usr/bin/gmake-4.3 are understood.
        jobs: N.
        makeflags: the value of MAKEFLAGS.

    Returns:
        The command, and N if it was put in. make's `-j` without a number means "without limit", which would start a
        process for every file at once, so N takes its place.
    """
    place = _program(command)
    if place is None:
        return tuple(command), None
    name, arguments = basename(command[place]), list(command[place + 1 :])
    is_make = _MAKE.fullmatch(name) is not None
    if not is_make and _NINJA.fullmatch(name) is None:
        return tuple(command), None
    kept: list[str] = []
    for here, word in enumerate(arguments):
        match = _MAKE_JOBS.fullmatch(word)
        if match is None:
            kept.append(word)
        elif match["given"] or match["long"] or not is_make or "".join(arguments[here + 1 : here + 2]).isdecimal():
            return tuple(command), None
        elif match["others"] not in (None, "-"):
            kept.append(match["others"])
    if is_make and _jobs_in_makeflags(makeflags):
        return tuple(command), None
    return (*command[: place + 1], f"-j{jobs}", *kept), jobs


def environment(
    base: Mapping[str, str], port: int, folder: str, room: Room, masquerade: str = MASQUERADE
) -> dict[str, str]:
    """The environment in which the build's command runs.

    Args:
        base: ours.
        port: the connector's, on 127.0.0.1.
        folder: an existing private folder for distcc's state and log.
        room: see `Room`.
        masquerade: folder of the compiler names that lead to distcc; "" when there is none.
    """
    result = {name: value for name, value in base.items() if name not in _DROPPED}
    result |= {
        "DISTCC_HOSTS": render_list([HostSpec("127.0.0.1", port, CONNECTOR_LIMIT)], room.cores, max(8, 2 * room.cores)),
        "DISTCC_DIR": folder,
        "DISTCC_LOG": f"{folder}/log",
        "DISTCC_FALLBACK": "1",
        "DISTCC_BACKOFF_PERIOD": "1",
        "DISTCC_PAUSE_TIME_MSEC": "10",
    }
    if uses_ccache(base):
        result["CCACHE_PREFIX"] = "distcc"
        result["PATH"] = without_folder(base.get("PATH", ""), masquerade)
    elif masquerade:
        result["PATH"] = f"{masquerade}:{without_folder(base.get('PATH', ''), masquerade)}".rstrip(":")
    return result


def uses_ccache(base: Mapping[str, str]) -> bool:
    """Tell whether compilers are reached through ccache: by CC or CXX, or by its own folder first in PATH."""
    first = base.get("PATH", "").split(":")[0]
    compilers = (base.get("CC", ""), base.get("CXX", ""))
    return basename(first) == "ccache" or any(
        basename(part) == "ccache" for compiler in compilers for part in compiler.split()
    )


def compiler_path(path: str) -> str:
    """A PATH on which a compiler's name leads to the compiler, past ccache's and distcc's folders of links."""
    return ":".join(part for part in path.split(":") if part and basename(part) not in ("ccache", "distcc"))


def without_folder(path: str, folder: str) -> str:
    """Take a folder out of a PATH."""
    return ":".join(part for part in path.split(":") if part.rstrip("/") != folder.rstrip("/") or not folder)


def _program(command: Sequence[str]) -> int | None:
    """Place of the program that is run in the end: behind `env`, its options and its assignments."""
    if not command:
        return None
    if basename(command[0]) != "env":
        return 0
    place = 1
    while place < len(command):
        word = command[place]
        if word in _ENV_WITH_VALUE:
            place += 2
        elif word.startswith("-") or _ASSIGNMENT.fullmatch(word):
            place += 1
        else:
            return place
    return None


def _jobs_in_makeflags(flags: str) -> bool:
    """Tell whether MAKEFLAGS sets -j: as a word of its own, or as a letter of the first word, which lacks a dash."""
    words = flags.split()
    bundle = words[0] if words and not words[0].startswith("-") and "=" not in words[0] else ""
    return "j" in bundle or any(word.startswith(("-j", "--jobs")) for word in words)
