"""One compile on this machine, of the preprocessed source that distcc would have sent away.

The compiler runs as a process group of its own in a private folder, so that a compile that nobody wants any more can
be ended whole, and nothing of it stays behind.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from farmhand.distcc.command import preprocessed_suffix, rewrite, source_file
from farmhand.distcc.commandline import compiler_path

_WRAPPERS = ("distcc", "ccache")


class CannotCompile(Exception):
    """This machine has no such compiler or cannot start it; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a compiler left behind.

    Attributes:
        status: as `wait` says it: 0, exit code << 8, or the signal's number.
        errors, output: its stderr and stdout.
        product: the object; empty when it failed.
    """

    status: int
    errors: bytes
    output: bytes
    product: bytes


class LocalCompiler:
    """Runs compilers of this machine.

    Attributes:
        folder: where temporary files go; private to the user.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Take the folder, which must exist, and the environment in which compilers run."""
        self.folder = folder
        self._path = compiler_path(environment.get("PATH", os.defpath))
        self._environment = {**environment, "PATH": self._path, "TMPDIR": str(folder)}
        self._found: dict[str, str] = {}

    async def compile(self, argv: Sequence[str], source: Sequence[bytes | memoryview]) -> Outcome:
        """Compile a preprocessed source, given in pieces, as `argv` says.

        Raises:
            CannotCompile: the command is not a plain compile, or its compiler cannot be started.
        """
        try:
            with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as name:
                return await self._compile_in(Path(name), argv, source)
        except (OSError, ValueError) as wrong:
            raise CannotCompile(str(wrong)) from None

    async def _compile_in(self, folder: Path, argv: Sequence[str], source: Sequence[bytes | memoryview]) -> Outcome:
        written = folder / f"source{preprocessed_suffix(source_file(argv))}"
        product = folder / "product"
        command = rewrite(argv, str(written), str(product))
        with written.open("wb") as file:
            file.writelines(source)
        status = await self._run((self._find(argv[0]), *command[1:]), folder)
        made = product.read_bytes() if status == 0 else b""
        return Outcome(status, (folder / "errors").read_bytes(), (folder / "output").read_bytes(), made)

    def _find(self, program: str) -> str:
        """The real compiler behind a name, past links that lead to distcc or ccache; a path stays as it is."""
        if program not in self._found:
            found = program if "/" in program else shutil.which(program, path=self._path)
            if found is None or not os.path.isabs(found) or Path(found).resolve().name in _WRAPPERS:
                raise CannotCompile(f"no compiler {program} on this machine")
            self._found[program] = found
        return self._found[program]

    async def _run(self, command: Sequence[str], folder: Path) -> int:
        with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                process_group=0,
            )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        return -code if code < 0 else code << 8
