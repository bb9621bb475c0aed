"""A build driver that answers a launcher with what the test says, and the folders in which the launcher is tried."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from farmhand.driver.launched import Call

HEAD = struct.Struct("=cI")


def message(kind: str, *strings: str) -> bytes:
    """An answer as the driver writes it."""
    body = b"".join(os.fsencode(text) + b"\0" for text in strings)
    return HEAD.pack(kind.encode(), len(body)) + body


def an_object(path: str, content: bytes, size: int | None = None) -> bytes:
    """An object as the driver delivers it; `size` is a lie about its size."""
    return message("D", path) + struct.pack("=Q", len(content) if size is None else size) + content


@dataclass
class ScriptedDriver:
    """Listens on `socket` in a build's folder.

    Attributes:
        folder: the build's.
        answers: what it says, one after each message; then it hangs up.
        calls: what launchers were called with.
        told: what launchers said afterwards.
        ended: launchers whose connection has ended.
    """

    folder: Path
    answers: Sequence[bytes] = ()
    holds: bool = False
    calls: list[Call] = field(default_factory=list[Call])
    told: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    ended: int = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[ScriptedDriver]:
        self.folder.mkdir(exist_ok=True)
        server = await asyncio.start_unix_server(self._serve, self.folder / "socket")
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self.calls.append(Call.read((await self._read(reader))[1]))
            for answer in self.answers:
                writer.write(answer)
                if answer is not self.answers[-1]:
                    self.told.append(await self._read(reader))
            if self.holds:
                while True:
                    self.told.append(await self._read(reader))
        self.ended += 1
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
        kind, size = HEAD.unpack(await reader.readexactly(HEAD.size))
        return kind, await reader.readexactly(size)


@dataclass(frozen=True)
class Ended:
    """How a launcher, or the compiler in its place, ended."""

    status: int
    output: str
    errors: str


class LauncherBench:
    """A launcher under names of compilers, and compilers of one's own in another folder.

    Attributes:
        launcher: the program.
        names: the folder of names that lead to it.
        real: the folder of compilers.
        work: where commands run.
        session: the build's folder; it has no driver unless the test gives it one.
        path: the PATH of a build.
    """

    def __init__(self, launcher: Path, folder: Path) -> None:
        self.launcher = launcher
        self.names, self.real, self.work = folder / "names", folder / "real", folder / "work"
        self.session = folder / "farmhand-build-x"
        for made in (self.names, self.real, self.work, self.session):
            made.mkdir()
        self.compiler("gcc", 'echo "gcc $*"')
        self.name("gcc")
        self.path = f"{self.names}:{self.session}:{self.real}:/usr/bin:/bin"

    def name(self, name: str) -> Path:
        """Add a name that leads to the launcher."""
        made = self.names / name
        made.symlink_to(self.launcher)
        return made

    def compiler(self, name: str, script: str, first: str = "#!/bin/sh\n") -> Path:
        """Add a compiler, a shell script."""
        made = self.real / name
        made.write_text(f"{first}{script}\n")
        made.chmod(0o755)
        return made

    def driver(self, *answers: bytes, holds: bool = False) -> ScriptedDriver:
        return ScriptedDriver(self.session, answers, holds)

    async def start(
        self,
        *words: str,
        executable: str | Path | None = None,
        variables: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **how: int,
    ) -> asyncio.subprocess.Process:
        """Start a command as a build does: its first word is a name in PATH."""
        program = str(executable or (words[0] if "/" in words[0] else self.names / words[0]))
        return await asyncio.create_subprocess_exec(
            *words,
            executable=program,
            cwd=self.work,
            env={"PATH": self.path, **SANITIZED} if variables is None else variables,
            preexec_fn=before,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
        )

    async def run(
        self,
        *words: str,
        executable: str | Path | None = None,
        variables: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **how: int,
    ) -> Ended:
        process = await self.start(*words, executable=executable, variables=variables, before=before, **how)
        output, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Ended(process.returncode, (output or b"").decode(), (errors or b"").decode())


SANITIZED = {"ASAN_OPTIONS": "detect_leaks=0"}
"""What a launcher that was compiled with sanitizers must hear: it ends without giving memory back."""
