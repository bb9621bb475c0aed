"""The gate's entrance: who is connected, from the first packet to the last byte.

Whoever has not been admitted is a stranger. There is room for so many of them; for one more the oldest is cut. A
connection whose task is over is closed: softly when everything has been said, so that the kernel delivers it in its
time, otherwise by a reset.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from farmhand.scheduling.addresses import normal
from farmhand_agent.background import background
from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.gate.admission import Client
from farmhand_agent.gate.sockets import reset

MAX_STRANGERS = 512
"""Connections that may be waiting to be admitted."""


@dataclass(slots=True, eq=False)
class Visit:
    """One connection.

    Attributes:
        client: the socket.
        address: the client's IP address in its normal form, whichever family of socket it came by.
        who: None until it has been admitted.
        told: everything has been said, so the kernel may deliver it in its time; otherwise the client is cut.
        box: where its job runs; None before it does.
    """

    client: socket.socket
    address: str
    who: Client | None = None
    told: bool = False
    box: AnyBox | None = None


class Entrance:
    """Accepts connections and knows them while they last.

    Args:
        listener: the listening socket; closed at the end.
        serve: serves one connection to its end.
    """

    def __init__(self, listener: socket.socket, serve: Callable[[Visit], Coroutine[Any, Any, None]]) -> None:
        self._listener = listener
        self._serve = serve
        self._visits: dict[asyncio.Task[None], Visit] = {}
        self._strangers: dict[Visit, asyncio.Task[None]] = {}  # oldest first
        self._accepting = asyncio.create_task(self._accept())

    @property
    def strangers(self) -> int:
        """Connections that are not admitted, or not yet."""
        return len(self._strangers)

    def __len__(self) -> int:
        """All connections."""
        return len(self._visits)

    def admitted(self) -> Iterator[tuple[Client, asyncio.Task[None]]]:
        """Everybody who has been let in, with the task that serves."""
        for task, visit in tuple(self._visits.items()):
            if visit.who is not None:
                yield visit.who, task

    def admit(self, visit: Visit, who: Client) -> None:
        """From now on it is known who this is."""
        self._strangers.pop(visit, None)
        visit.who = who

    def dismiss(self, visit: Visit) -> None:
        """Take the visitor that this task serves for a stranger again, until it has taken in that it must go."""
        task = asyncio.current_task()
        assert task is not None
        self._put_among_strangers(visit, task)

    def shut(self, why: str) -> None:
        """Accept nobody more and end every visit with this word; returns at once, may be repeated."""
        self._accepting.cancel()
        for task in self._visits:
            task.cancel(why)
        with suppress(OSError):  # shut before
            self._listener.shutdown(socket.SHUT_RDWR)

    async def empty(self) -> None:
        """Wait until every visit has ended, after `shut`."""
        await asyncio.gather(self._accepting, *self._visits, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, peer = await loop.sock_accept(self._listener)
            except OSError as wrong:
                if wrong.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    continue  # the client was gone before we took it
                await asyncio.sleep(0.1)  # out of descriptors: let running jobs give some back
                continue
            self._welcome(Visit(client, normal(str(peer[0]))))
            await asyncio.sleep(0)  # a flood of connections must not keep everything else from running

    def _welcome(self, visit: Visit) -> None:
        task = background(self._serve(visit))
        self._visits[task] = visit
        self._put_among_strangers(visit, task)
        task.add_done_callback(self._part)

    def _put_among_strangers(self, visit: Visit, task: asyncio.Task[None]) -> None:
        if len(self._strangers) >= MAX_STRANGERS:
            oldest = next(iter(self._strangers))
            self._strangers.pop(oldest).cancel()
        self._strangers[visit] = task

    def _part(self, task: asyncio.Task[None]) -> None:
        visit = self._visits.pop(task)
        self._strangers.pop(visit, None)
        if visit.told:
            visit.client.close()
        else:
            reset(visit.client)
