"""A gate that does what the test says: relay to a real distccd, or fail in one of the ways in which hosts fail."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from farmhand.dispatch.jobs import Host
from farmhand.distcc.protocol import RequestReader, reply
from farmhand.wire.ticket import ADMITTED, BUSY, DENIED, HEAD_SIZE, PREFACE, token


class Manner(enum.Enum):
    """How the gate treats a job."""

    RELAY = "relay"
    DENY = "deny"
    BUSY = "busy"
    SILENT = "silent"
    SILENT_AFTER_ADMISSION = "silent after admission"
    CUT_UPLOAD = "cut upload"
    CUT_BEFORE_REPLY = "cut before reply"
    CUT_REPLY = "cut reply"
    NO_GATE = "no gate"
    RUBBISH = "rubbish"
    KILLED = "killed"
    NO_OBJECT = "no object"
    REFUSE = "refuse"
    DECORATE = "decorate"


CANNED: dict[Manner, list[bytes]] = {
    Manner.RUBBISH: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    Manner.KILLED: reply(9, b"killed\n"),
    Manner.NO_OBJECT: reply(0, b"nothing\n"),
    Manner.REFUSE: reply(1 << 8, b"a.c:1:1: error: no\n"),
}


class FakeGate:
    """One host of the farm.

    Attributes:
        manner: may be changed at any time; counts for jobs that come in afterwards.
        jobs: how many connections it has seen.
        tickets: what they brought.
    """

    def __init__(self, backend: int = 0, manner: Manner = Manner.RELAY, name: str = "fake", speed: float = 2.0) -> None:
        """Take the port of a plain distccd on 127.0.0.1 and the rest of what a host is."""
        self.manner = manner
        self.jobs = 0
        self.tickets: list[str] = []
        self._backend = backend
        self._name = name
        self._speed = speed
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeGate]:
        """Listen on a free port until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def host(self, slots: int = 4, ticket: str = "ticket") -> Host:
        """Itself, as the registry would describe it."""
        return Host(self._name, "127.0.0.1", self._port, slots, self._speed, ticket)

    @property
    def clients(self) -> int:
        """Connections that are open."""
        return len(self._writers)

    def answer(self, data: bytes) -> None:
        """Say something to every client, whatever the manner."""
        for writer in tuple(self._writers):
            writer.write(data)

    def cut(self) -> None:
        """End every connection at once, as a reclaim does."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.jobs += 1
        self._writers.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._greet(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(HEAD_SIZE)
        assert head[:4] == PREFACE
        self.tickets.append((await reader.readexactly(int(head[4:], 16))).decode())
        turned_away = {Manner.DENY: (DENIED, "no ticket"), Manner.BUSY: (BUSY, "full"), Manner.NO_GATE: (b"HTTP", "")}
        if self.manner in turned_away:
            writer.write(token(*turned_away[self.manner]))
            await writer.drain()
            await reader.read()  # what is left unread makes a reset, which may overtake the word
        elif self.manner is Manner.SILENT:
            await reader.read()
        elif self.manner is Manner.CUT_UPLOAD:
            await reader.read(20)
        else:
            writer.write(token(ADMITTED))
            await self._compile(reader, writer)

    async def _compile(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        manner, request, parser = self.manner, bytearray(), RequestReader()
        while not parser.complete:
            data = await reader.read(65536)
            if not data:
                return
            parser.feed(data)
            request += data
        if manner is Manner.SILENT_AFTER_ADMISSION:
            await reader.read()
        elif manner in CANNED:
            writer.writelines(CANNED[manner])
            await writer.drain()
            await reader.read()
        elif manner is not Manner.CUT_BEFORE_REPLY:
            await self._relay(bytes(request), manner, writer)

    async def _relay(self, request: bytes, manner: Manner, writer: asyncio.StreamWriter) -> None:
        source, sink = await asyncio.open_connection("127.0.0.1", self._backend)
        try:
            sink.write(request)
            answer = await source.read()
        finally:
            sink.close()
        if manner is Manner.CUT_REPLY:
            answer = answer[:-10]
        elif manner is Manner.DECORATE:
            answer = answer.replace(b"SERR00000000", token(b"SERR", "\x1b]0;owned\anote\n"), 1)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
