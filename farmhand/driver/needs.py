"""What a host must have to compile a build's jobs: this machine's compiler, found out once for each name."""

from __future__ import annotations

import threading

from farmhand.distcc.commandline import compiler_path
from farmhand.distcc.toolchain import announced, name_on_host, toolchain
from farmhand.links.toolchains import Toolchains


class Needs:
    """The toolchains of one build. Several threads may use it.

    Args:
        path: the PATH of the build; folders of links to distcc or ccache in it do not count.
    """

    def __init__(self, path: str) -> None:
        self._toolchains = Toolchains.of_user(compiler_path(path))
        self._known: dict[str, str] = {}
        self._looking = threading.Lock()

    def all(self) -> tuple[str, ...]:
        """Look at the compilers of this machine, and tell of them as a host would; takes up to a second."""
        with self._looking:
            found = self._toolchains.accepted()
            self._known |= {name: toolchain(name, made) for name, made in found.items()}
            return announced(found)

    def known(self, compiler: str) -> str | None:
        """What a job needs whose command begins with `compiler`; "" when any host will do, None until looked at."""
        return self._known.get(compiler)

    def look(self, compiler: str) -> str:
        """The same, after a look at the compiler if need be; takes up to a second."""
        with self._looking:
            if compiler not in self._known:
                made = self._toolchains.fingerprint(compiler)
                self._known[compiler] = toolchain(name_on_host(compiler), made)
                self._toolchains.remember()
            return self._known[compiler]
