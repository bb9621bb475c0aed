"""The first bytes of a client: an optional ticket, then the head of a distcc request.

They are read in two steps, for a client is judged between them: the opening, which is small, and the rest of the head,
which may be large.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass, field

from farmhand.distcc.protocol import ProtocolError, RequestReader
from farmhand.wire.ticket import HEAD_SIZE, MAX_TICKET, PREFACE

CHUNK = 1 << 18
"""Bytes read at once from a client that is admitted."""

MAX_OPENING = HEAD_SIZE + MAX_TICKET
"""Bytes read at most before a client is judged."""

_TICKET_HEAD = re.compile(PREFACE + rb"([0-9a-fA-F]{8})")


@dataclass(slots=True)
class Greeting:
    """What a client has said of itself.

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


async def read_opening(client: socket.socket) -> Greeting:
    """Read until it is known whether a client shows a ticket, and which; at most `MAX_OPENING` bytes.

    Raises:
        ProtocolError: what it shows is no ticket.
        ConnectionError: the client left.
    """
    data = bytearray()
    while len(data) < HEAD_SIZE:
        data += await _more(client, MAX_OPENING - len(data))
    if not data.startswith(PREFACE):
        return Greeting(received=data)
    end = HEAD_SIZE + _ticket_size(bytes(data[:HEAD_SIZE]))
    while len(data) < end:
        data += await _more(client, MAX_OPENING - len(data))
    return Greeting(data[HEAD_SIZE:end].decode("ascii", "replace"), received=data[end:])


async def read_head(client: socket.socket, greeting: Greeting) -> Greeting:
    """Read on until the head of the request is complete; returns the greeting, which is then complete, too.

    Raises:
        ProtocolError: it is no distcc request.
        ConnectionError: the client left.
    """
    greeting.reader.feed(greeting.received)
    while greeting.reader.head is None:
        data = await _more(client, CHUNK)
        greeting.reader.feed(data)
        greeting.received += data
    return greeting


async def _more(client: socket.socket, most: int) -> bytes:
    data = await asyncio.get_running_loop().sock_recv(client, most)
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
