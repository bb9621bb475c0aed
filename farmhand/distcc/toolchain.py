"""Which compiler a name stands for, as one short text: hosts with different compilers must not mix their objects.

1. A fingerprint covers every program that the compiler runs for a compile, byte for byte, and what it says of itself.
2. A host runs whatever its own system calls by the name that a build sends. So what hosts and builds compare is the
   name together with the fingerprint, a *toolchain*: "gcc-12 is there as well" does not help a job that says "gcc".
3. Nothing known means anything goes: a host that announces nothing, a compiler that has no fingerprint.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

MAX_ANNOUNCED = 128
"""Toolchains that one machine tells of."""

MAX_FINGERPRINT = 100
"""Letters of a fingerprint."""

BOX_PATH = "/usr/bin:/bin"
"""Where a host looks for compilers that come by name: the PATH inside its boxes."""

TOOLCHAIN = r"[A-Za-z0-9._+/-]{1,99}=[A-Za-z0-9._+-]{1,100}"
"""The form of a toolchain: the compiler's name or path, "=", its fingerprint."""

_HASH = 12
_FORM = re.compile(TOOLCHAIN)
_UNFIT = re.compile(r"[^A-Za-z0-9._+-]")
_VERSION_SUFFIX = re.compile(r"-[0-9][0-9.]*")
_READABLE = re.compile(r"(?:[^=]*=)?(?P<family>[^=]+?)-(?P<version>[0-9][^-=]*)-(?P<target>[^=]*)-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a compiler.

    Attributes:
        family: "gcc", "g++", "clang"; see `family`.
        version: as the compiler says it.
        target: for which machine it compiles, such as "x86_64-linux-gnu".
        hashes: what each of its programs and libraries hashes to, always in the same order; "" for one that is missing.
        banner: what else it says of itself; "" where its programs tell all.
    """

    family: str
    version: str
    target: str
    hashes: tuple[str, ...]
    banner: str = ""


def family(program: str) -> str:
    """The kind of compiler behind a program's file name, without target and version: "g++" for "arm-eabi-g++-12"."""
    return re.sub(rf"{_VERSION_SUFFIX.pattern}$", "", program).rpartition("-")[2] or program


def fingerprint(facts: Facts) -> str:
    """Name a compiler so that equal names mean equal compilers.

    Returns:
        Such as "gcc-12.2.0-x86_64-linux-gnu-1a2b3c4d5e6f": readable, then the start of a SHA-256 over all facts;
        at most `MAX_FINGERPRINT` letters, digits and signs that mean nothing to a shell or terminal.
    """
    told = "\0".join((facts.family, facts.version, facts.target, facts.banner, *facts.hashes))
    digest = hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()[:_HASH]
    readable = _UNFIT.sub("_", f"{facts.family}-{facts.version}-{facts.target}")
    return f"{readable[: MAX_FINGERPRINT - _HASH - 1]}-{digest}"


def toolchain(name: str, fingerprint: str) -> str:
    """What a job that calls its compiler `name` needs of a host; "" when the fingerprint is not known ("")."""
    return f"{name}={fingerprint}" if fingerprint else ""


def name_on_host(compiler: str) -> str:
    """What a host looks for when a job calls its compiler so.

    Args:
        compiler: the first word of the command: a name, or a path.

    Returns:
        The name, also of a path to where names are looked for; any other path as it is, for a host runs that very path.
    """
    folder, _, name = compiler.rpartition("/")
    return name if folder in BOX_PATH.split(":") else compiler


def announced(fingerprints: Mapping[str, str]) -> tuple[str, ...]:
    """What a machine tells of its compilers.

    Args:
        fingerprints: by the compiler's name.

    Returns:
        Toolchains in the order of their names, at most `MAX_ANNOUNCED`; names that no distribution would give are left
        out.
    """
    told = (toolchain(name, fingerprints[name]) for name in sorted(fingerprints))
    return tuple(one for one in told if _FORM.fullmatch(one))[:MAX_ANNOUNCED]


def kind_of(fingerprint: str) -> Literal["gcc", "clang"] | None:
    """The family of command lines that a fingerprinted compiler understands; None when it is not known."""
    kind = fingerprint.partition("-")[0]
    if kind.startswith("clang"):
        return "clang"
    return "gcc" if kind in ("gcc", "g++", "cc", "c++") else None


def compilers(toolchains: Iterable[str]) -> tuple[str, ...]:
    """The fingerprints in toolchains, each once, in order."""
    return tuple(sorted({one.rpartition("=")[2] for one in toolchains}))


def title(toolchain: str, machine: str = "") -> str:
    """A toolchain or fingerprint for people: "gcc 12.2.0", or "gcc 12.2.0 for aarch64-linux-gnu".

    Args:
        toolchain: it.
        machine: this machine's architecture, such as "x86_64"; a compiler for another one is told with its target.
            "": no target is told.
    """
    found = _READABLE.fullmatch(toolchain)
    if found is None:
        return toolchain
    is_native = not machine or found["target"].partition("-")[0] == machine
    return f"{found['family']} {found['version']}" + ("" if is_native else f" for {found['target']}")


def titles(toolchains: Iterable[str], machine: str = "") -> tuple[str, ...]:
    """Many toolchains for people: each compiler once, in order; `machine` as in `title`."""
    return tuple(sorted({title(one, machine) for one in toolchains}))
