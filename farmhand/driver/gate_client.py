"""One compile on another machine: ticket and request out, verdict and reply back.

Every way in which a host can fail to answer is one error, `HostLost`; whether a complete answer may be believed is
judged elsewhere. A host that vanishes is noticed by the kernel: unanswered data or keepalives end the connection after
about 15 s.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from farmhand.dispatch.jobs import Host
from farmhand.distcc.protocol import MAX_REQUEST, ProtocolError, ReplyReader
from farmhand.wire.ticket import ADMITTED, BUSY, DENIED, HEAD_SIZE, preface


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a host, in seconds.

    Attributes:
        connect: for the connection.
        admit: from then on until the gate has a slot for us.
        job: for the whole compile.
    """

    connect: float = 1.0
    admit: float = 20.0
    job: float = 600.0


class HostLost(Exception):
    """The host gave no answer; the message says how it failed.

    Attributes:
        hung_up: whether it had admitted the job and then ended the connection without a word.
    """

    def __init__(self, why: str, hung_up: bool = False) -> None:
        super().__init__(why)
        self.hung_up = hung_up


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply: the bytes as they came, and where what lies in them."""

    reader: ReplyReader
    pieces: Sequence[bytes]


async def compile_on(
    host: Host, version: int, request: Sequence[bytes], patience: Patience | None = None, limit: int = MAX_REQUEST
) -> Reply:
    """Let `host` compile a request.

    Args:
        host: where, with a ticket; with an empty ticket it is a plain distccd.
        version: of the protocol that the request speaks.
        request: its bytes, in pieces.
        patience: None stands for the defaults.
        limit: the longest reply in bytes.

    Raises:
        HostLost: no connection, turned away, no complete reply in time, or one that is not distcc's protocol.
    """
    patience = patience or Patience()
    loop = asyncio.get_running_loop()
    call = _Call(loop, host.ticket, request, ReplyReader(version, limit))
    try:
        async with asyncio.timeout(patience.connect):
            transport, _ = await loop.create_connection(lambda: call, host.address, host.port)
    except OSError as wrong:
        raise HostLost(f"no connection to {host.name}: {wrong}") from None
    try:
        async with asyncio.timeout(patience.job):
            async with asyncio.timeout(patience.admit):
                await call.admitted
            return await call.reply
    except TimeoutError:
        raise HostLost(f"no answer from {host.name} in time") from None
    finally:
        call.forget()
        transport.abort()


class _Call(asyncio.Protocol):
    """Speaks with one gate: `admitted` is done when it has decided, `reply` with a reply or HostLost."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ticket: str, request: Sequence[bytes], reader: ReplyReader
    ) -> None:
        self.admitted: asyncio.Future[None] = loop.create_future()
        self.reply: asyncio.Future[Reply] = loop.create_future()
        self._ticket = ticket
        self._request = request
        self._reader = reader
        self._verdict = b""
        self._pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        _watch(transport.get_extra_info("socket"))
        if self._ticket:
            transport.write(preface(self._ticket))
        else:
            self.admitted.set_result(None)
        for piece in self._request:
            transport.write(piece)

    def data_received(self, data: bytes) -> None:
        if not self.admitted.done():
            data = self._read_verdict(data)
        if data and self.admitted.done() and not self.reply.done():
            self._read_reply(data)

    def connection_lost(self, exc: Exception | None) -> None:
        hung_up = self.admitted.done() and not self._pieces
        self._fail(f"the connection ended: {exc or 'closed by the host'}", hung_up)

    def forget(self) -> None:
        """Nobody waits for the reply any more."""
        if not self.reply.cancel() and not self.reply.cancelled():
            self.reply.exception()

    def _read_verdict(self, data: bytes) -> bytes:
        """Collect the gate's first word; return what follows it."""
        self._verdict += data
        word, rest = self._verdict[:HEAD_SIZE], self._verdict[HEAD_SIZE:]
        if len(word) < HEAD_SIZE:
            return b""
        if word == ADMITTED + b"00000000":
            self.admitted.set_result(None)
            return rest
        self._fail("turned away" if word[:4] in (DENIED, BUSY) else f"not a gate: {word!r}")
        return b""

    def _read_reply(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
        except ProtocolError as wrong:
            self._fail(f"a malformed reply: {wrong}")
            return
        self._pieces.append(data)
        if self._reader.complete:
            self.reply.set_result(Reply(self._reader, self._pieces))

    def _fail(self, why: str, hung_up: bool = False) -> None:
        if not self.reply.done():
            self.reply.set_exception(HostLost(why, hung_up))
        if not self.admitted.done():
            self.admitted.set_result(None)


def _watch(connection: socket.socket) -> None:
    """Let the kernel end the connection about 15 s after the host has vanished."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000)
