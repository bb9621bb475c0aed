"""The build's command and environment, so that its compilers are reached through the launcher.

Rules: what the user asked for stays (a given `-jN`, variables that are set); everything else is passed on untouched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from posixpath import basename

MASQUERADE = "/usr/lib/distcc"
"""Where distributions keep links named after compilers that lead to distcc."""

DEFAULT_PATH = "/bin:/usr/bin"
"""Where programs are looked for when there is no PATH."""

DISTCC = "distcc"
"""The program that Farmhand takes the place of in a build."""

PUMP = ("pump", "distcc-pump")
"""Programs that run a command in distcc's pump mode."""

SESSION = "farmhand-build-"
"""How the name of a build's private folder begins, as the launcher knows it."""

_MAKE = re.compile(r"(g|bsd|re)?make(-[0-9.]+)?|[a-z0-9_]+-make")
_NINJA = re.compile(r"ninja(-build)?(-[0-9.]+)?|samu")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_MAKE_JOBS = re.compile(r"(?P<others>-[bBdehiknpqrRsStvw]*)j(?P<given>.*)|--jobs(?P<long>=.*)?", re.DOTALL)
_LANGUAGES = ("C", "CXX", "OBJC", "OBJCXX")
"""The languages for which CMake takes a compiler launcher from the environment."""

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


def with_jobs(command: Sequence[str], jobs: int, *makeflags: str) -> tuple[tuple[str, ...], int | None]:
    """Give make or ninja a `-jN` when nobody chose one.

    Args:
        command: program and arguments; `env A=B make` and `A=B`-less paths such as /usr/bin/gmake-4.3 are understood.
        jobs: N.
        makeflags: the values of MAKEFLAGS and GNUMAKEFLAGS.

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
    if is_make and any(_jobs_in_makeflags(flags) for flags in makeflags):
        return tuple(command), None
    return (*command[: place + 1], f"-j{jobs}", *kept), jobs


def without_pump(command: Sequence[str]) -> tuple[str, ...]:
    """Take distcc's pump mode out of a command: it sends sources as they are, and a farm here takes none."""
    if len(command) > 1 and basename(command[0]) in PUMP and not command[1].startswith("-"):
        return tuple(command[1:])
    return tuple(command)


def environment(base: Mapping[str, str], session: str, names: str, launcher: str, jobs: int) -> dict[str, str]:
    """The environment in which the build's command runs.

    PATH begins with the names of compilers; behind them the session's folder tells the launcher which build it is in,
    also in a process whose other variables a build tool has cleared. CMake is told where compilers really are, and the
    launcher apart from them, so that its trees know the real compilers. So is ccache, which would otherwise not see
    that a compiler was upgraded. Where ccache was to call distcc, it calls the launcher.

    Args:
        base: ours, without folders of another build.
        session: the build's private folder.
        names: the folder of compiler names.
        launcher: the launcher program.
        jobs: how many jobs a build tool should start when nobody has said.
    """
    path = base.get("PATH", DEFAULT_PATH)
    added = {
        "CCACHE_PATH": compiler_path(path),
        "CMAKE_PROGRAM_PATH": path,
        "CMAKE_BUILD_PARALLEL_LEVEL": str(jobs),
        **{f"CMAKE_{language}_COMPILER_LAUNCHER": launcher for language in _LANGUAGES},
    }
    if len(launcher.split()) == 1 and basename(base.get("CCACHE_PREFIX", DISTCC)) == DISTCC:
        added["CCACHE_PREFIX"] = launcher  # ccache splits it at blanks
        base = {name: value for name, value in base.items() if name != "CCACHE_PREFIX"}
    return {**added, **base, "PATH": f"{names}:{session}:{path}", "FARMHAND_SESSION": session}


def outer_environment(base: Mapping[str, str]) -> dict[str, str]:
    """Take another build's folders and variables out of an environment: a build in a build stands alone."""
    session, launcher = base.get("FARMHAND_SESSION"), base.get("CCACHE_PREFIX", "")
    if session is None:
        return dict(base)
    parts = base.get("PATH", "").split(":")
    if session in parts:
        place = parts.index(session)
        del parts[max(0, place - 1) : place + 1]
    kept = {**base, "PATH": ":".join(parts)}
    ours = [name for name, value in base.items() if value == launcher and name.endswith(("_LAUNCHER", "_PREFIX"))]
    for name in (*ours, "FARMHAND_SESSION", "CCACHE_PATH", "CMAKE_PROGRAM_PATH", "CMAKE_BUILD_PARALLEL_LEVEL"):
        kept.pop(name, None)
    return kept


def compiler_path(path: str) -> str:
    """A PATH on which a compiler's name leads to the compiler, past ccache's and distcc's folders of links."""
    return ":".join(part for part in path.split(":") if part and basename(part) not in ("ccache", "distcc"))


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
