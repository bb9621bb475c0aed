"""A distcc client by hand: sends any command line, honest or not, and takes the reply apart."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from farmhand.distcc.protocol import ReplyReader, Span, request, token
from farmhand.wire.ticket import ADMITTED, HEAD_SIZE, preface

PATIENCE = 60.0
"""Seconds; jobs that are to be cut must last much longer."""


class TurnedAway(Exception):
    """The gate said DENY or BUSY; the message is the word and the reason."""


class Cut(Exception):
    """The gate ended the connection before the reply was complete."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete reply.

    Attributes:
        status: what `wait` said of the compiler.
        errors, output: of the compiler.
        product: the object.
    """

    status: int
    errors: str
    output: str
    product: bytes


class RawClient:
    """One connection to a gate."""

    def __init__(self, connection: socket.socket) -> None:
        """Take a connection over."""
        self.socket = connection
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(cls, address: tuple[str, int], receive_buffer: int = 0, source: str = "") -> Self:
        """Connect to a gate, from the address `source` if there is one."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        connection = socket.socket(family)
        connection.setblocking(False)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            if source:
                connection.bind((source, 0))
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().sock_connect(connection, address)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Leave without a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    async def say(self, data: bytes) -> None:
        """Send bytes."""
        async with asyncio.timeout(PATIENCE):
            await self._loop.sock_sendall(self.socket, data)

    async def hear(self) -> bytes:
        """Receive some bytes; none when the gate has hung up.

        Raises:
            Cut: the connection broke.
        """
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._loop.sock_recv(self.socket, 1 << 18)
            except ConnectionError:
                raise Cut("reset") from None

    async def is_cut(self) -> bool:
        """Wait until the gate ends the connection; tell whether it said nothing before."""
        try:
            return await self.hear() == b""
        except Cut:
            return True

    async def verdict(self) -> str:
        """Read OKAY, DENY or BUSY and what goes with it, such as "BUSY all 2 slots are taken"."""
        head = await self._exactly(HEAD_SIZE)
        text = await self._exactly(int(head[4:], 16))
        return f"{head[:4].decode()} {text.decode()}".strip()

    async def reply(self, version: int = 1) -> Answer:
        """Read a whole reply.

        Raises:
            Cut: it was not complete.
        """
        reader, data = ReplyReader(version), bytearray()
        while not reader.complete:
            part = await self.hear()
            if not part:
                raise Cut(f"after {len(data)} bytes of a reply")
            reader.feed(part)
            data += part
        assert reader.status is not None

        def body(span: Span) -> bytes:
            return bytes(data[span.start : span.end])

        errors, output = (body(one).decode(errors="replace") for one in (reader.errors, reader.output))
        return Answer(reader.status, errors, output, body(reader.object))

    async def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            async with asyncio.timeout(PATIENCE):
                part = await self._loop.sock_recv(self.socket, size - len(data))
            if not part:
                raise Cut(f"after {data!r}")
            data += part
        return data


async def compile_raw(address: tuple[str, int], argv: Sequence[str], source: bytes, ticket: str = "") -> Answer:
    """Let a gate compile `source` by `argv`.

    Raises:
        TurnedAway, Cut: see there.
    """
    with await RawClient.open(address) as client:
        await client.say((preface(ticket) if ticket else b"") + request(argv, source))
        if ticket:
            verdict = await client.verdict()
            if not verdict.startswith(ADMITTED.decode()):
                raise TurnedAway(verdict)
        return await client.reply()


def pump_request(argv: Sequence[str], files: Sequence[tuple[str, bytes]], folder: str = "/") -> bytes:
    """Write a request of version 3: pump mode, which ships the sources themselves.

    Args:
        argv: the command.
        files: name and content; the content is sent as one LZO1X literal run, as `lzo_stored` writes it.
        folder: the client's working directory.
    """
    parts = [token("DIST", 3), token("CDIR", len(folder)), folder.encode(), token("ARGC", len(argv))]
    for word in argv:
        parts += [token("ARGV", len(word.encode())), word.encode()]
    parts.append(token("NFIL", len(files)))
    for name, content in files:
        stored = lzo_stored(content)
        parts += [token("NAME", len(name)), name.encode(), token("FILE", len(stored)), stored]
    return b"".join(parts)


def lzo_stored(data: bytes) -> bytes:
    """Write `data` as LZO1X without compressing it: one run of literals and the end marker.

    Source: the description of the LZO stream format in the Linux kernel's `Documentation/staging/lzo.rst`.
    """
    end = b"\x11\x00\x00"
    if not data:
        return end
    if len(data) <= 238:
        return bytes([len(data) + 17]) + data + end
    extra = len(data) - 18
    zeros, last = divmod(extra - 1, 255)
    return b"\x00" + b"\x00" * zeros + bytes([last + 1]) + data + end
