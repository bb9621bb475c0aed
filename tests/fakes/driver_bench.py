"""A connector, and stock distcc with a real compiler in front of it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.distcc.commandline import Room, environment
from farmhand.driver.connector import Connector

BASE = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
SOURCE = "#include <stdio.h>\nint twice(int x) { return 2 * x; }\nvoid say(void) { puts(__FILE__); }\n"


@dataclass(frozen=True)
class Ran:
    """What a client left behind."""

    status: int
    errors: str
    product: bytes


@dataclass
class Bench:
    """A connector and the folder in which its client works."""

    connector: Connector
    dispatcher: Dispatcher
    folder: Path
    port: int

    @property
    def trouble(self) -> list[str]:
        """What distcc complained of in its log."""
        log = self.folder / "state" / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if "ERROR" in line or "Warning" in line]

    def command(self, name: str, *options: str) -> list[str]:
        return ["gcc", "-O2", *options, "-c", name, "-o", "out.o"]

    async def spawn(self, name: str, *options: str, program: str = "") -> asyncio.subprocess.Process:
        command = self.command(name, *options)
        command[0] = program or command[0]
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env=environment(BASE, self.port, str(self.folder / "state"), Room(4, 1, 2)),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    async def compile(self, name: str = "a.c", *options: str, program: str = "") -> Ran:
        """Compile a file of the folder with stock distcc in front of the compiler."""
        product = self.folder / "out.o"
        product.unlink(missing_ok=True)
        process = await self.spawn(name, *options, program=program)
        output, errors = await asyncio.wait_for(process.communicate(), 60)
        made = product.read_bytes() if product.exists() else b""
        return Ran(process.returncode or 0, (output + errors).decode(), made)

    def alone(self, name: str = "a.c", *options: str) -> bytes:
        """The object that the compiler makes by itself."""
        subprocess.run(self.command(name, *options), cwd=self.folder, env=BASE, check=True, capture_output=True)
        return (self.folder / "out.o").read_bytes()

    def complaint(self, name: str) -> str:
        """What the compiler says by itself."""
        return subprocess.run(self.command(name), cwd=self.folder, env=BASE, capture_output=True, text=True).stderr


MakeBench = Callable[..., AbstractAsyncContextManager[Bench]]
