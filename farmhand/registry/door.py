"""The registry's door: accepts connections, bounds the time and memory that each may take, and keeps room for more.

uvicorn, which speaks HTTP behind it, waits for the end of a request for ever. `visitors` holds the rules; here they
meet sockets. Each connection is a uvicorn protocol with a `Visit` in front of it, which sees the bytes that come, and
around the application, which is called when a head is whole and tells when an answer is.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from farmhand.registry.visitors import WITHIN, Stage, Visitors
from farmhand.scheduling.addresses import source_of

MOST = 4096
"""Connections at once: hosts keep one each, builds two."""

RESERVE = 64
"""File descriptors for everything else."""

MAX_HEAD = 64 << 10
"""Bytes after which a head that is still not whole is none."""

LOOK_EVERY = 0.5
"""Seconds between two looks for those whose time is over, while there is anybody whose time may be."""

BREATH = 0.1
"""Seconds to wait before trying again where nobody can be let in."""

SAID_EVERY = 60.0
"""Seconds between two words in the log on a lack of descriptors."""

_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_BODIES = (b"content-length", b"transfer-encoding")

_log = logging.getLogger(__name__)


def room() -> int:
    """How many connections this process may hold; raises its limit of descriptors as far as it may."""
    if sys.platform == "win32":
        return 512 - RESERVE
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, MOST + RESERVE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, min(MOST, wanted - RESERVE))


class Door:
    """Accepts connections until it is closed.

    Args:
        listener: the listening socket; it stays the caller's.
        protocol: makes what serves one connection: a uvicorn HTTP protocol.
        most: connections at once, half of them from one source.
    """

    def __init__(self, listener: socket.socket, protocol: Callable[[], Any], most: int) -> None:
        self._listener = listener
        self._protocol = protocol
        self._visitors: Visitors[Visit] = Visitors(most, max(1, most // 2))
        self._looking: asyncio.TimerHandle | None = None
        self._said_at = -SAID_EVERY
        self._loop = asyncio.get_running_loop()
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Accept nobody more; whoever is inside stays."""
        self._accepting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._accepting

    def come(self, visit: Visit, source: str) -> None:
        """Let somebody in; whose claim is least may have to go."""
        goes = self._visitors.come(visit, source, self._loop.time())
        if goes is not None:
            goes.cut()
        self._look_later()

    def turn(self, visit: Visit, stage: Stage) -> None:
        """Note how far somebody has come."""
        self._visitors.turn(visit, stage, self._loop.time())
        if stage in WITHIN:
            self._look_later()

    def go(self, visit: Visit) -> None:
        """Note that somebody is gone."""
        self._visitors.go(visit)

    def _look_later(self) -> None:
        if self._looking is None:
            self._looking = self._loop.call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        self._looking = None
        for visit in self._visitors.overdue(self._loop.time()):
            visit.cut()
        if self._visitors.hurried:
            self._look_later()

    async def _accept(self) -> None:
        while True:
            try:
                client, _ = await self._loop.sock_accept(self._listener)
            except OSError as wrong:
                if wrong.errno in _OUT_OF_DESCRIPTORS:
                    await self._make_room(wrong)
                else:  # the client was gone before we took it, or the network is
                    await asyncio.sleep(BREATH)
                continue
            try:
                await self._loop.connect_accepted_socket(lambda: Visit(self._protocol(), self), client)
            except OSError:
                client.close()

    async def _make_room(self, wrong: OSError) -> None:
        if self._loop.time() - self._said_at >= SAID_EVERY:
            self._said_at = self._loop.time()
            _log.warning("no more connections fit (%s); the oldest silent ones are closed", wrong.strerror)
        least = self._visitors.least()
        if least is not None:
            least.cut()
        await asyncio.sleep(0 if least is not None else BREATH)


class Visit(asyncio.Protocol):
    """One connection.

    Args:
        inner: serves it; its attribute `app` is the application that it calls for each request.
        door: knows all of them.
    """

    def __init__(self, inner: Any, door: Door) -> None:
        self._inner = inner
        self._app = inner.app
        inner.app = self._answer
        self._door = door
        self._transport: asyncio.Transport | None = None
        self._stage = Stage.NEW
        self._unheard = 0  # bytes of a head that is not whole

    def cut(self) -> None:
        """End the connection at once."""
        self._door.go(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._door.come(self, source_of(str(peer[0])) if peer else "")
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._door.go(self)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hear a part of a request."""
        if self._stage is Stage.REST:
            self._enter(Stage.HEAD)
        if self._stage in (Stage.NEW, Stage.HEAD):
            if self._unheard > MAX_HEAD:
                self.cut()
                return
            self._unheard += len(data)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Hear that no more will come."""
        ends: bool | None = self._inner.eof_received()
        return ends

    def pause_writing(self) -> None:
        """Hear that the client does not keep up."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Hear that it does again."""
        self._inner.resume_writing()

    async def _answer(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
        """Be the application: called when a head is whole."""
        self._unheard = 0
        self._enter(Stage.BODY if any(name in _BODIES for name, _ in scope["headers"]) else Stage.ANSWER)

        async def hear() -> Any:
            message = await receive()
            if self._stage is Stage.BODY and not message.get("more_body"):
                self._enter(Stage.ANSWER)
            return message

        async def tell(message: Any) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._enter(Stage.REST)  # first: what the client has sent ahead may begin the next one at once
            await send(message)

        await self._app(scope, hear, tell)

    def _enter(self, stage: Stage) -> None:
        self._stage = stage
        self._door.turn(self, stage)
