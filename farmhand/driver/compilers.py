"""The compilers of a build: which program a call means, what kind it is, what a host must have to stand in for it.

Those in PATH are looked at when the build starts, any other one at its first call, each once. Looking takes up to a
second and may be done in a thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from farmhand.compiling.decision import Kind
from farmhand.distcc.commandline import DEFAULT_PATH, DISTCC, compiler_path
from farmhand.distcc.toolchain import announced, kind_of, name_on_host, toolchain
from farmhand.driver.launched import Call
from farmhand.links.toolchains import WRAPPERS, Toolchains

LAUNCHER = "farmhand-launcher"
"""The file name of the launcher program."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler that a build has called.

    Attributes:
        program: its file.
        kind: its family; None: it is no compiler that is known, or it does not work.
        name: what a host calls it.
        needs: the toolchain that a host must have.
    """

    program: str
    kind: Kind | None
    name: str
    needs: str


class Compilers:
    """The compilers behind the names of one build's PATH. Several threads may use it.

    Args:
        path: the build's PATH without Farmhand's folders.
    """

    def __init__(self, path: str) -> None:
        self._toolchains = Toolchains.of_user(compiler_path(path))
        self._known: dict[str, Compiler] = {}
        self._targets: dict[str, str] = {}
        self._looking = threading.Lock()

    def all(self, names: Sequence[str]) -> tuple[str, ...]:
        """Look at the compilers with these names in PATH, and tell of them as a host would; takes up to a second."""
        with self._looking:
            return announced({name: made for name, made in self._toolchains.fingerprints(names).items() if made})

    def known(self, program: str) -> Compiler | None:
        """The compiler in a file; None until `look` has been asked."""
        return self._known.get(program)

    def look(self, program: str) -> Compiler:
        """The same, after a look at the compiler if need be; takes up to a second."""
        with self._looking:
            if program not in self._known:
                made = self._toolchains.fingerprint(program)
                name = name_on_host(program)
                self._known[program] = Compiler(program, kind_of(made), name, toolchain(name, made))
                self._toolchains.remember()
            return self._known[program]

    def behind(self, call: Call) -> tuple[str, tuple[str, ...]]:
        """Find the compiler of a call that other programs stand in front of, such as `distcc gcc`.

        Returns:
            Its file, and the command line from its name on.
        """
        program, words = call.program, call.words
        while self._target(program) in (DISTCC, LAUNCHER):
            name = os.path.basename(words[0])
            named = words[1:] if name == DISTCC else (name, *words[1:])
            if not named or named[0].startswith("-"):
                break
            found = self._find(named[0], call.variables.get("PATH", DEFAULT_PATH))
            if not found:
                break
            program, words = found, named
        return program, words

    def _find(self, name: str, path: str) -> str:
        """The first program of that name in a PATH that stands in front of no other; "" when there is none."""
        if "/" in name:
            return name if os.path.isabs(name) and os.access(name, os.X_OK) else ""
        for folder in path.split(":"):
            file = os.path.join(folder, name)
            if os.path.isabs(file) and os.access(file, os.X_OK) and self._target(file) not in (*WRAPPERS, LAUNCHER):
                return file
        return ""

    def _target(self, program: str) -> str:
        """The name of the file to which links lead; "" of a path that depends on the current folder."""
        if program not in self._targets:
            self._targets[program] = Path(os.path.realpath(program)).name if os.path.isabs(program) else ""
        return self._targets[program]
