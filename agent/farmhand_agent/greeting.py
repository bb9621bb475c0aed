"""The first bytes of a client: an optional ticket, then the head of a distcc request."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass, field

from farmhand.distcc.protocol import ProtocolError, RequestReader
from farmhand.wire.ticket import HEAD_SIZE, MAX_TICKET, PREFACE

CHUNK = 1 << 18
"""Bytes read at once."""

_TICKET_HEAD = re.compile(PREFACE + rb"([0-9a-fA-F]{8})")


@dataclass(slots=True)
class Greeting:
    """A client that has introduced itself.

    Attributes:
        ticket: what it showed; None for plain distcc.
        reader: knows the head, and how much of the request is still to come.
        received: the bytes of the request so far.
    """

    ticket: str | None = None
    reader: RequestReader = field(default_factory=RequestReader)
    received: bytearray = field(default_factory=bytearray)

    @property
    def argv(self) -> tuple[str, ...]:
        """The compiler's command line; empty until the head has come."""
        return self.reader.head.argv if self.reader.head else ()


async def read_greeting(client: socket.socket) -> Greeting:
    """Read until the head of the request is complete.

    Raises:
        ProtocolError: it is no ticket and no distcc request.
        ConnectionError: the client left.
    """
    loop = asyncio.get_running_loop()
    data = bytearray()
    while len(data) < HEAD_SIZE:
        data += await _more(loop, client)
    greeting = Greeting()
    if data.startswith(PREFACE):
        size = _ticket_size(bytes(data[:HEAD_SIZE]))
        while len(data) < HEAD_SIZE + size:
            data += await _more(loop, client)
        greeting.ticket = data[HEAD_SIZE : HEAD_SIZE + size].decode("ascii", "replace")
        del data[: HEAD_SIZE + size]
    while True:
        greeting.reader.feed(data)
        greeting.received += data
        if greeting.reader.head is not None:
            return greeting
        data = bytearray(await _more(loop, client))


async def _more(loop: asyncio.AbstractEventLoop, client: socket.socket) -> bytes:
    data = await loop.sock_recv(client, CHUNK)
    if not data:
        raise ConnectionResetError("the client left before its request was complete")
    return data


def _ticket_size(head: bytes) -> int:
    match = _TICKET_HEAD.fullmatch(head)
    if match is None:
        raise ProtocolError(f"{head!r} begins no ticket")
    size = int(match[1], 16)
    if size > MAX_TICKET:
        raise ProtocolError(f"a ticket of {size} bytes; at most {MAX_TICKET} are accepted")
    return size
