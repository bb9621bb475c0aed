"""One compile on this machine, of the preprocessed text that a host has been sent, too.

The compiler runs as a process group of its own in a private folder, so that a compile that nobody wants any more can
be ended whole, and nothing of it stays behind.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from farmhand.distcc.command import preprocessed_suffix, rewrite, source_file


class CannotCompile(Exception):
    """This machine has no such compiler or cannot start it; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a compiler left behind.

    Attributes:
        status: as `wait` says it: 0, exit code << 8, or the signal's number.
        told: whether it wrote anything to stderr or stdout.
        product: the object; empty when it failed.
    """

    status: int
    told: bool
    product: bytes


class LocalCompiler:
    """Runs compilers of this machine.

    Attributes:
        folder: where temporary files go; private to the user.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder, which must exist."""
        self.folder = folder

    async def compile(self, program: str, argv: Sequence[str], source: bytes) -> Outcome:
        """Compile a preprocessed text.

        Args:
            program: the compiler's file.
            argv: the command line that a host is sent.
            source: the text.

        Raises:
            CannotCompile: the command is not a plain compile, or its compiler cannot be started.
        """
        try:
            with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as name:
                return await self._compile_in(Path(name), program, argv, source)
        except (OSError, ValueError) as wrong:
            raise CannotCompile(str(wrong)) from None

    async def _compile_in(self, folder: Path, program: str, argv: Sequence[str], source: bytes) -> Outcome:
        written = folder / f"source{preprocessed_suffix(source_file(argv))}"
        product = folder / "product"
        command = rewrite(argv, str(written), str(product))
        written.write_bytes(source)
        status = await self._run((program, *command[1:]), folder)
        made = product.read_bytes() if status == 0 else b""
        return Outcome(status, (folder / "messages").stat().st_size > 0, made)

    async def _run(self, command: Sequence[str], folder: Path) -> int:
        with (folder / "messages").open("wb") as messages:
            process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, "TMPDIR": str(folder)},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
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
