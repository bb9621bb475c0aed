"""A conversation with the compositor of this session, and every reason not to have one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

from farmhand_agent.sensors import base, compositors, displays
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.displays import LOCAL
from farmhand_agent.sensors.wayland_wire import Client, Happened
from farmhand_agent.ticks import until_tick

ANSWER_WITHIN = 0.05
"""Seconds: a compositor that runs answers in one thousandth; a stopped one would otherwise stop the agent."""


def why_no_wayland(environ: Mapping[str, str]) -> str | None:
    """Return why this is no Wayland session, or None. Whether the compositor that it names is there, is not asked."""
    return None if compositors.is_named(environ) or _is_unnamed(environ) else "this is no Wayland session"


def _is_unnamed(environ: Mapping[str, str]) -> bool:
    """Tell whether a compositor is there that the environment does not name, and no X server that it names."""
    there = compositors.found(environ)
    local = LOCAL.fullmatch(environ.get("DISPLAY", ""))
    if not there or local is None or not displays.is_there(int(local[1])):
        return bool(there)
    number, shown = int(local[1]), map(compositors.process, there)
    return displays.keeper(number) in shown or displays.is_xwayland(number, environ)


def why_not(environ: Mapping[str, str], needs: Callable[[Client], object]) -> str | None:
    """Return why a compositor cannot be asked, or None.

    Args:
        environ: names its socket.
        needs: raises `SenseLost` if what the compositor offers is not enough.
    """
    reason = why_no_wayland(environ)
    if reason:
        return reason
    client, where = Client(), _socket(environ)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(ANSWER_WITHIN)
        try:
            probe.connect(where)
            probe.sendall(client.hello())
            while not client.complete:
                list(client.take(_some(probe.recv(1 << 16))))
            needs(client)
        except TimeoutError:
            return "the compositor does not answer"
        except OSError as problem:
            return f"there is no compositor at {where}: {problem.strerror}"
        except SenseLost as lost:
            return str(lost)
    return None


class Conversation:
    """A connection whose compositor has told all that it offers.

    Attributes:
        client: what is known of the compositor.
    """

    def __init__(self, connection: socket.socket, client: Client) -> None:
        self._connection = connection
        self.client = client

    async def send(self, requests: bytes) -> None:
        """Say something."""
        await asyncio.get_running_loop().sock_sendall(self._connection, requests)

    async def hear(self) -> list[Happened]:
        """Wait for what the compositor says next; if that takes long, it is asked whether it is still there.

        Raises:
            SenseLost: it has gone, or does not answer.
        """
        # Waited for without being cancelled, which might lose what has just been received.
        hearing = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(self._connection, 1 << 16))
        try:
            if not await _is_done(hearing, until_tick(base.SILENCE, asyncio.get_running_loop().time())):
                await self.send(self.client.still_there())
                if not await _is_done(hearing, base.SILENCE):
                    raise SenseLost("the compositor does not answer")
            return list(self.client.take(_some(await hearing)))
        finally:
            hearing.cancel()


@asynccontextmanager
async def conversation(environ: Mapping[str, str]) -> AsyncGenerator[Conversation]:
    """Talk with the compositor for the length of a block.

    Raises:
        SenseLost: there is none, or it has gone during the block.
    """
    reason = why_no_wayland(environ)
    if reason:
        raise SenseLost(reason)
    where = _socket(environ)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, where)
            talk = Conversation(connection, Client())
            await talk.send(talk.client.hello())
            while not talk.client.complete:
                await talk.hear()
            yield talk
        except OSError as problem:
            raise SenseLost(f"there is no compositor at {where}: {problem.strerror}") from None


async def _is_done(hearing: asyncio.Future[bytes], within: float) -> bool:
    """Wait for `within` seconds at most; tell whether it has ended."""
    done, _ = await asyncio.wait({hearing}, timeout=within)
    return bool(done)


def _socket(environ: Mapping[str, str]) -> str:
    """Where the compositor listens that the environment names, else one that is found."""
    if compositors.is_named(environ):
        return compositors.named(environ)
    return next(iter(compositors.found(environ)), compositors.named(environ))


def _some(received: bytes) -> bytes:
    """Return what was received.

    Raises:
        SenseLost: it was nothing: the other end is closed.
    """
    if not received:
        raise SenseLost("the compositor has gone")
    return received
