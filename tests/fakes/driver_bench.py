"""A connector, and launchers with real compilers behind them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes.waiting import comes_true

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.distcc.commandline import environment
from farmhand.driver.connector import Connector
from farmhand.driver.launchers import Launchers

BASE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
SOURCE = "#include <stdio.h>\nint twice(int x) { return 2 * x; }\nvoid say(void) { puts(__FILE__); }\n"


@dataclass(frozen=True)
class Ran:
    """What a compile left behind."""

    status: int
    errors: str
    product: bytes


@dataclass
class Bench:
    """A connector and the folder in which its build works.

    Attributes:
        session: the build's private folder.
    """

    connector: Connector
    dispatcher: Dispatcher
    folder: Path
    session: Path
    launchers: Launchers

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the build."""
        words = str(self.session), str(self.launchers.names), str(self.launchers.launcher)
        return environment(BASE, *words, jobs=4)

    def command(self, name: str, *options: str, compiler: str = "gcc") -> list[str]:
        return [compiler, "-O2", *options, "-c", name, "-o", "out.o"]

    async def call(self, *words: str, **variables: str) -> asyncio.subprocess.Process:
        """Start a command of the build."""
        return await asyncio.create_subprocess_exec(
            *words,
            cwd=self.folder,
            env=self.variables | variables,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    async def spawn(self, name: str, *options: str, compiler: str = "gcc") -> asyncio.subprocess.Process:
        return await self.call(*self.command(name, *options, compiler=compiler))

    async def compile(self, name: str = "a.c", *options: str, compiler: str = "gcc") -> Ran:
        """Compile a file of the folder as a build does."""
        return await self.run(*self.command(name, *options, compiler=compiler))

    async def run(self, *words: str, **variables: str) -> Ran:
        """Run a command of the build that makes `out.o`."""
        product = self.folder / "out.o"
        product.unlink(missing_ok=True)
        process = await self.call(*words, **variables)
        output, errors = await asyncio.wait_for(process.communicate(), 60)
        made = product.read_bytes() if product.exists() else b""
        assert process.returncode is not None
        return Ran(process.returncode, (output + errors).decode(), made)

    def alone(self, name: str = "a.c", *options: str, compiler: str = "gcc") -> Ran:
        """What the compiler makes by itself."""
        product = self.folder / "out.o"
        product.unlink(missing_ok=True)
        done = _run(self.command(name, *options, compiler=compiler), self.folder, BASE)
        return Ran(done.returncode, done.stdout + done.stderr, product.read_bytes() if product.exists() else b"")

    def script(self, name: str, text: str) -> str:
        """Make a script in the folder, and return its path."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    @asynccontextmanager
    async def slot_taken(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Let a compiler that works for ever take a slot of this machine; yields its process."""
        told = self.folder / "held"
        wrapper = self.script("hold", "echo $$ > held; exec sleep 100")
        process = await self.call("gcc", "-wrapper", wrapper, "-c", "a.c", "-o", "held.o")
        await comes_true(lambda: told.exists() and told.read_text().endswith("\n"))
        try:
            yield process
        finally:
            os.kill(int(told.read_text()), signal.SIGKILL)
            await process.communicate()
            told.unlink()


def end_reading(pipe: Path) -> bool:
    """Let who has opened a named pipe for reading see its end; tell whether somebody had."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def _run(command: list[str], folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


MakeBench = Callable[..., AbstractAsyncContextManager[Bench]]
