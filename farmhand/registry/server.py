"""Runs the registry on a socket until told to stop: uvicorn, one process, one event loop.

`serve` is the one entry for other programs; an agent may run a registry in its own event loop with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Generator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar
from uvicorn._types import ASGIApplication

from farmhand.errors import OwnerError
from farmhand.machine import join_address
from farmhand.registry.app import make_app
from farmhand.registry.audit import Audit
from farmhand.registry.door import Door, room
from farmhand.registry.farm import Farm

BACKLOG = 1024
STALLED_AFTER = 10
"""Seconds after which a reader that takes nothing is cut off."""

IDLE_AFTER = 30
"""Seconds after which a connection without a request is closed; hosts of a large farm beat every 5."""


async def serve(
    address: str,
    port: int,
    state: Path | None = None,
    listening: Callable[[str], None] = lambda url: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run a registry until `stop` is set or the task is cancelled; ends within a second, open streams or not.

    Args:
        address: where to listen, an IP address or a name of this machine.
        port: 0 lets the system choose.
        state: folder for the audit; None: no audit.
        listening: is called once, with the URL, when requests are answered.
        stop: ends the registry when it is set.

    Raises:
        OwnerError: the address or the folder cannot be used; the message says what to do.
    """
    listener = listen(address, port)
    url = f"http://{join_address(address, listener.getsockname()[1])}"
    with contextlib.closing(listener):
        farm = Farm()
        if state is not None:
            farm.keep_audit(Audit(state, farm.instance))
        server = _Server(_config(farm), listener, lambda: listening(url))
        running = asyncio.create_task(server.serve())
        stopping = asyncio.create_task((stop or asyncio.Event()).wait())
        try:
            await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            farm.hub.close()
            server.stop()
            await running


def listen(address: str, port: int) -> socket.socket:
    """Open the socket of a registry.

    Raises:
        OwnerError: that is not possible; the message says why and what to do.
    """
    try:
        family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(
            where[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=address == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as wrong:
        raise OwnerError(_cannot_listen(address, port, wrong)) from None
    listener.setblocking(False)
    # Connections inherit it. asyncio would set it for them only if the socket named its protocol, and without it each
    # answer waits 40 ms for the acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_AFTER * 1000)
    return listener


def _cannot_listen(address: str, port: int, wrong: OSError) -> str:
    where = join_address(address, port)
    if wrong.errno == errno.EADDRINUSE:
        return (
            f"{where} is in use, perhaps by a registry that runs already; end that program, "
            f"or choose another port with --listen {join_address(address, port + 1 if port < 65535 else 0)}"
        )
    if wrong.errno == errno.EACCES:
        return f"only root may listen on {where}; choose a port above 1023 with --listen"
    return f"cannot listen on {where}: {wrong.strerror or wrong}; choose one of this machine's addresses with --listen"


def _config(farm: Farm) -> uvicorn.Config:
    return uvicorn.Config(
        _dated(make_app(farm)),
        access_log=False,
        date_header=False,
        log_config=None,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=IDLE_AFTER,
        timeout_graceful_shutdown=1,
    )


def _dated(app: Litestar) -> ASGIApplication:
    """Let every answer bear its date, as RFC 9110 wants it; uvicorn would wake ten times a second to know it."""

    async def run(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        async def send_dated(message: Any) -> None:
            if message["type"] == "http.response.start":
                date = b"date", formatdate(usegmt=True).encode()
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        await app(scope, receive, send_dated)

    return run


class _Server(uvicorn.Server):
    """Stands behind a `Door`, says when it answers, leaves signals to its program, and sleeps while nobody asks."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listener = listener
        self._listening = listening
        self._door: Door | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let it end."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        await self._stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._door = Door(self._listener, self._protocol, room())
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._door is not None:
            await self._door.close()
        await super().shutdown([])

    def _protocol(self) -> Any:
        """What serves one connection, made as uvicorn makes it for its own listeners."""
        make: Any = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
