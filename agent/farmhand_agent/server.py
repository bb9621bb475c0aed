"""The agent's local socket: snapshots out, requests in, for programs of the same user only.

The socket's mode keeps others out; the peer's uid is checked all the same. A slow reader is dropped, never waited for.
For one client too many the oldest is dropped: a program that forgets to close its connections keeps no command of the
owner's out. A face that is dropped comes back by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

from farmhand.errors import PeerError
from farmhand.wire import codec
from farmhand.wire.history import History
from farmhand.wire.local import Done, Explanation, Snapshot, ToAgent

MAX_UNREAD = 1 << 20
"""Bytes that may wait for a slow reader before it is dropped."""

MAX_REQUEST = 1 << 16

MAX_CLIENTS = 64
"""Connections at once."""

Answer = Done | Explanation | History


class LocalServer:
    """Serves faces of the agent.

    Args:
        answer: carries out a request; an answer that takes time is awaited.
        current: makes the snapshot that a new client sees first.
    """

    def __init__(
        self, answer: Callable[[ToAgent], Answer | Awaitable[Answer]], current: Callable[[], Snapshot]
    ) -> None:
        self._answer = answer
        self._current = current
        self._clients: dict[asyncio.StreamWriter, None] = {}  # the oldest first
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def open(self, path: Path) -> None:
        """Listen on the Unix socket `path`, replacing what a crash left there."""
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, path, limit=MAX_REQUEST)
        finally:
            os.umask(before)
        self._path = path

    def publish(self, snapshot: Snapshot) -> None:
        """Send a snapshot to everybody."""
        line = codec.encode_line(snapshot)
        for client in list(self._clients):
            if client.transport.get_write_buffer_size() > MAX_UNREAD:
                self._drop(client)
            else:
                client.write(line)

    async def close(self) -> None:
        """Hang up on everybody and remove the socket."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _drop(self, client: asyncio.StreamWriter) -> None:
        del self._clients[client]
        client.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            if _peer_uid(writer.get_extra_info("socket")) == os.getuid():
                writer.write(codec.encode_line(self._current()))
                if len(self._clients) >= MAX_CLIENTS:
                    self._drop(next(iter(self._clients)))
                self._clients[writer] = None
                await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the agent ends
        finally:
            self._clients.pop(writer, None)
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readuntil(b"\n")
                request: ToAgent = codec.decode(line, ToAgent, "the client")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                writer.write(codec.encode_line(Done(f"a request of more than {MAX_REQUEST} bytes")))
                return
            except PeerError as wrong:
                writer.write(codec.encode_line(Done(str(wrong))))
                return
            answer = self._answer(request)
            if isinstance(answer, Awaitable):
                answer = await answer
            writer.write(codec.encode_line(answer))
            await writer.drain()


def _peer_uid(connection: socket.socket) -> int:
    """Who is at the other end of a Unix socket, by the kernel's word."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])
