"""The driver's connection to one launcher process: what the build called, and what the driver answers.

The launcher is `launcher.c`. Messages are a letter, a length (4 bytes, the machine's order) and strings that end with a
zero byte each. A connection that ends means that the launcher, or the compiler in its place, has ended.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

VERSION = "farmhand-launcher 1"
MAX_MESSAGE = 64 << 20

_HEAD = struct.Struct("=cI")
_SIZE = struct.Struct("=Q")
_STATUS = struct.Struct("=i")


class LauncherGone(Exception):
    """The launcher has ended, or says what no launcher says."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a build called.

    Attributes:
        program: the file that PATH names for the first word, without Farmhand's folders.
        folder: the current folder as objects name it.
        words: the command line.
        variables: the environment.
    """

    program: str
    folder: str
    words: tuple[str, ...]
    variables: Mapping[str, str]

    @classmethod
    def read(cls, body: bytes) -> Call:
        """Read what a launcher says first.

        Raises:
            LauncherGone: it is of another version.
            ValueError: no launcher says this.
        """
        version, program, folder, count, *rest = (os.fsdecode(part) for part in body[:-1].split(b"\0"))
        if version != VERSION:
            raise LauncherGone(version)
        words = int(count)
        if not 1 <= words <= len(rest):
            raise ValueError(f"{words} words, and {len(rest)} strings")
        pairs = (variable.partition("=") for variable in rest[words:])
        return cls(program, folder, tuple(rest[:words]), {name: value for name, _, value in pairs})


class Launched(asyncio.Protocol):
    """One launcher's connection.

    Attributes:
        gone: called once when the connection has ended.
    """

    def __init__(self, on_call: Callable[[Launched, Call], None]) -> None:
        """Take what is to be told the call."""
        self._on_call = on_call
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None
        self._called = False
        self.gone: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._buffer)
            if size > MAX_MESSAGE:
                self.hang_up()
                return
            if len(self._buffer) < _HEAD.size + size:
                return
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + size])
            del self._buffer[: _HEAD.size + size]
            self._take(kind, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LauncherGone())
        self.gone()

    def run(self) -> None:
        """Let what the build called take the launcher's place; the connection ends with it."""
        self._tell(b"R", ())

    async def run_and_report(self) -> int:
        """Let what the build called run as the launcher's child.

        Returns:
            Its status as `wait` tells it.

        Raises:
            LauncherGone: it ended without telling.
        """
        kind, body = await self._ask(b"W", ())
        if kind != b"S" or len(body) != _STATUS.size:
            raise LauncherGone(kind)
        return int(_STATUS.unpack(body)[0])

    async def preprocess(self, file: str, words: Sequence[str], command: Sequence[str]) -> str:
        """Let the launcher preprocess.

        Args:
            file: where the text goes.
            words: what the text may not hold.
            command: the file to run, then its arguments, the name of the program first.

        Returns:
            "K": the text is there. "X": the preprocessor failed or had something to say. "F": a word was found.

        Raises:
            LauncherGone: it ended without telling.
        """
        kind, _ = await self._ask(b"P", (file, str(len(words)), *words, *command))
        return kind.decode(errors="replace")

    def deliver(self, output: str, product: bytes | memoryview) -> None:
        """Let the launcher write an object and end with success."""
        self._tell(b"D", (output,))
        if self._transport is not None:
            self._transport.write(_SIZE.pack(len(product)))
            self._transport.write(product)

    def hang_up(self) -> None:
        """Leave the launcher to itself: it runs the compiler as without Farmhand."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == b"H" and not self._called:
            self._called = True
            try:
                self._on_call(self, Call.read(body))
            except (LauncherGone, ValueError):
                self.hang_up()
        elif self._answer is not None:
            if not self._answer.done():  # done: it was called off meanwhile, and nobody waits
                self._answer.set_result((kind, body))
            self._answer = None
        else:
            self.hang_up()

    def _tell(self, kind: bytes, strings: Sequence[str]) -> None:
        if self._transport is not None:
            body = b"".join(os.fsencode(text) + b"\0" for text in strings)
            self._transport.write(_HEAD.pack(kind, len(body)) + body)

    async def _ask(self, kind: bytes, strings: Sequence[str]) -> tuple[bytes, bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            raise LauncherGone
        self._tell(kind, strings)
        return await self._answer
