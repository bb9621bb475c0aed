"""The local port to which stock distcc sends every compile of a build.

A shell round `dispatch.Dispatcher`: it takes whole requests in, does what the dispatcher says, and gives whole replies
back. Since nothing reaches distcc before a reply is complete, a host may vanish at any moment without distcc noticing.
Only processes of the same user are served; everybody else on the machine can reach a loopback port, too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import (
    Cancel,
    Effect,
    Event,
    GiveUp,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    JobNotHere,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.distcc.messages import Verdict, clean, judge
from farmhand.distcc.protocol import MAX_REQUEST, Head, ProtocolError, RequestReader, Span, reply
from farmhand.driver.gate_client import HostLost, Patience, Reply, compile_on
from farmhand.driver.local_compiler import CannotCompile, LocalCompiler
from farmhand.driver.needs import Needs
from farmhand.driver.peer import owner_of

BACKLOG = 1024
"""Clients that may wait to be accepted; a large -j connects many at once."""


class Connector:
    """Serves distcc clients until closed; use it in one event loop only."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        compiler: LocalCompiler,
        patience: Patience | None = None,
        on_demand: Callable[[int], None] = lambda jobs: None,
        limit: int = MAX_REQUEST,
        needs: Needs | None = None,
    ) -> None:
        """Take the parts.

        Args:
            dispatcher: decides.
            compiler: this machine's.
            patience: with hosts; None stands for the defaults.
            on_demand: told how many compiles wait or run whenever one comes or goes.
            limit: the longest request and reply in bytes.
            needs: tells which toolchain a compiler is; None: any host will do for any job.
        """
        self._needs = needs
        self.limit = limit
        self._dispatcher = dispatcher
        self._compiler = compiler
        self._patience = patience or Patience()
        self._on_demand = on_demand
        self._clients: dict[int, _Client] = {}
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}  # by job and host; "" is this machine
        self._ending: set[asyncio.Task[None]] = set()  # those that were called off
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free port of 127.0.0.1 and return it."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), "127.0.0.1", 0, backlog=BACKLOG)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, end what still runs and wait until it has ended."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients.values()):
            client.hang_up()
        for task in self._tasks.values():
            self._call_off(task)
        await asyncio.gather(*self._ending, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    def set_hosts(self, hosts: tuple[Host, ...]) -> None:
        """From now on, place jobs on these hosts."""
        self._handle(HostsChanged(hosts))

    def arrived(self, client: _Client, head: Head) -> int:
        """A whole request is here; return its job's number."""
        self._count += 1
        job, compiler = self._count, head.argv[0] if head.argv else ""
        self._clients[job] = client
        needs = "" if self._needs is None else self._needs.known(compiler)
        if needs is None:
            self._start(job, "", self._find_out(job, compiler))
        else:
            self._handle(JobArrived(job, head.version == 1, needs))
        return job

    def gone(self, job: int) -> None:
        """The client of `job` has hung up, before or after its answer."""
        if self._clients.pop(job, None) is not None:
            self._handle(JobGone(job))

    def _handle(self, event: Event) -> None:
        loop = asyncio.get_running_loop()
        for effect in self._dispatcher.handle(event, loop.time()):
            self._carry_out(effect)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dispatcher.wake_at is not None:
            self._timer = loop.call_at(self._dispatcher.wake_at, self._handle, Woke())
        self._on_demand(self._dispatcher.jobs)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Place(job, host):
                self._start(job, host.name, self._compile_there(job, host))
            case PlaceHere(job):
                self._start(job, "", self._compile_here(job))
            case Cancel(job, name):
                self._call_off(self._tasks.pop((job, name)))
            case GiveUp(job):
                self._clients.pop(job).hang_up()

    def _call_off(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _start(self, job: int, host: str, work: Coroutine[Any, Any, Event]) -> None:
        self._tasks[job, host] = asyncio.get_running_loop().create_task(self._work(job, host, work))

    async def _work(self, job: int, host: str, work: Awaitable[Event]) -> None:
        """Do one copy's work and report. If a mistake of ours ends it, distcc is hung up on and compiles by itself."""
        try:
            event = await work
        except Exception:
            self._clients[job].hang_up()
            raise
        del self._tasks[job, host]
        self._handle(event)

    async def _find_out(self, job: int, compiler: str) -> Event:
        """Look at a compiler that no job has named before; its client may have hung up meanwhile."""
        assert self._needs is not None
        needs = await asyncio.to_thread(self._needs.look, compiler)
        client = self._clients.get(job)
        return JobArrived(job, client.version == 1, needs) if client else Woke()

    async def _compile_there(self, job: int, host: Host) -> Event:
        client = self._clients[job]
        try:
            answer = await compile_on(host, client.version, client.request, self._patience, self.limit)
        except HostLost:
            return JobLost(job, host.name)
        verdict = judge(answer.reader)
        if verdict is Verdict.BROKEN:
            return JobLost(job, host.name)
        silent = answer.reader.errors.size == answer.reader.output.size == 0
        if verdict is Verdict.REFUSED or (client.version != 1 and not silent):
            return JobFailed(job, host.name)
        self._answer(job, answer.pieces if silent else _cleaned(answer))
        return JobDone(job, host.name)

    async def _compile_here(self, job: int) -> Event:
        client = self._clients[job]
        try:
            outcome = await self._compiler.compile(client.argv, client.source())
        except CannotCompile:
            return JobNotHere(job)
        self._answer(job, reply(outcome.status, outcome.errors, outcome.output, outcome.product))
        return JobDone(job, good=outcome.status == 0)

    def _answer(self, job: int, pieces: Sequence[bytes]) -> None:
        self._clients.pop(job).answer(pieces)


class _Client(asyncio.Protocol):
    """One distcc process: sends one request, gets one reply."""

    def __init__(self, connector: Connector) -> None:
        self.request: list[bytes] = []
        self._connector = connector
        self._reader = RequestReader(connector.limit)
        self._job: int | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def version(self) -> int:
        """The protocol's, once the head is known."""
        return self._reader.head.version if self._reader.head else 0

    @property
    def argv(self) -> tuple[str, ...]:
        """The command, once the head is known."""
        return self._reader.head.argv if self._reader.head else ()

    def source(self) -> list[memoryview]:
        """The preprocessed source in pieces, without copying it."""
        return _cut(self.request, self._reader.source or Span(0, 0))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if owner_of(transport.get_extra_info("peername"), transport.get_extra_info("sockname")) != os.getuid():
            transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
        except ProtocolError:
            self.hang_up()
            return
        self.request.append(data)
        if self._reader.complete and self._reader.head is not None:
            self._job = self._connector.arrived(self, self._reader.head)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._job is not None:
            self._connector.gone(self._job)

    def answer(self, pieces: Sequence[bytes]) -> None:
        """Send the reply and close."""
        if self._transport is not None:
            for piece in pieces:
                self._transport.write(piece)
            self._transport.close()

    def hang_up(self) -> None:
        """Close without an answer: distcc then compiles by itself."""
        if self._transport is not None:
            self._transport.abort()


def _cleaned(answer: Reply) -> list[bytes]:
    """A reply of version 1 whose messages are safe for a terminal."""
    whole, reader = b"".join(answer.pieces), answer.reader
    errors, output, product = (whole[span.start : span.end] for span in (reader.errors, reader.output, reader.object))
    return reply(reader.status or 0, clean(errors), clean(output), product)


def _cut(pieces: Sequence[bytes], span: Span) -> list[memoryview]:
    """The part of a sequence of pieces that `span` covers."""
    result: list[memoryview] = []
    start = 0
    for piece in pieces:
        begin, end = max(span.start - start, 0), min(span.end - start, len(piece))
        if begin < end:
            result.append(memoryview(piece)[begin:end])
        start += len(piece)
    return result
