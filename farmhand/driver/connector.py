"""The Unix socket on which the launchers of a build ask what to do with each compile.

The connector receives calls from launchers. `compiling.decide` and `dispatch.Dispatcher` decide what happens; the
connector carries out their decisions and returns objects. Nothing reaches a launcher before an object is complete, so a
host may vanish at any moment without the build noticing. The socket lies in a folder that only its owner can enter.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from farmhand.compiling.decision import Far, decide
from farmhand.dispatch.dispatcher import Dispatcher
from farmhand.dispatch.jobs import (
    Cancel,
    CopyHere,
    Effect,
    Event,
    Host,
    HostsChanged,
    JobArrived,
    JobDone,
    JobFailed,
    JobGone,
    JobLost,
    JobNotHere,
    JobReady,
    JobStays,
    Place,
    PlaceHere,
    Woke,
)
from farmhand.distcc.messages import Verdict, judge
from farmhand.distcc.protocol import MAX_REQUEST
from farmhand.driver.compilers import Compiler, Compilers
from farmhand.driver.gate_client import HostLost, Patience, compile_on
from farmhand.driver.job import BuildJob, Texts
from farmhand.driver.launched import Call, Launched, LauncherGone
from farmhand.driver.local_compiler import CannotCompile, LocalCompiler

BACKLOG = 4096
"""Launchers that may wait to be accepted; a large -j connects many at once."""


class Connector:
    """Serves launchers until closed; use it in one event loop only.

    Attributes:
        calls: how often the build has called a compiler.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        folder: Path,
        compilers: Compilers,
        patience: Patience | None = None,
        on_demand: Callable[[int], None] = lambda jobs: None,
        limit: int = MAX_REQUEST,
    ) -> None:
        """Take the parts.

        Args:
            dispatcher: decides where.
            folder: an existing private folder for the socket and for texts.
            compilers: this machine's.
            patience: with hosts; None stands for the defaults.
            on_demand: told how many compiles that may leave wait or run, whenever one comes or goes.
            limit: the longest reply in bytes.
        """
        self.calls = 0
        self._count = 0
        self._dispatcher = dispatcher
        self._folder = folder
        self._compilers = compilers
        self._local = LocalCompiler(folder)
        self._texts = Texts(folder)
        self._patience = patience or Patience()
        self._on_demand = on_demand
        self._limit = limit
        self._jobs: dict[int, BuildJob] = {}
        self._clients: set[Launched] = set()
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}  # by job and host; "" is this machine
        self._others: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Listen on `socket` in the folder."""
        loop = asyncio.get_running_loop()
        path = self._folder / "socket"
        self._server = await loop.create_unix_server(lambda: Launched(self._called), path, backlog=BACKLOG)

    async def close(self) -> None:
        """Stop listening, leave what still waits to its own compiler, end all work and wait until it has ended."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.hang_up()
        tasks = [*self._tasks.values(), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    def set_hosts(self, hosts: tuple[Host, ...]) -> None:
        """From now on, place jobs on these hosts."""
        self._handle(HostsChanged(hosts))

    def _called(self, client: Launched, call: Call) -> None:
        """The build has called a compiler."""
        self.calls += 1
        self._clients.add(client)
        client.gone = lambda: self._clients.discard(client)
        program, words = self._compilers.behind(call)
        known = self._compilers.known(program)
        if known is None:
            self._spawn(client, self._look(client, call, program, words))
        else:
            self._begin(client, call, known, words)

    async def _look(self, client: Launched, call: Call, program: str, words: tuple[str, ...]) -> None:
        """Look at a compiler that no call has named before; the launcher may end meanwhile."""
        compiler = await asyncio.to_thread(self._compilers.look, program)
        if client in self._clients:
            self._begin(client, call, compiler, words)

    def _begin(self, client: Launched, call: Call, compiler: Compiler, words: tuple[str, ...]) -> None:
        if compiler.kind is None:
            client.run()
            return
        decision = decide(compiler.kind, words[1:], call.folder, call.variables.keys())
        self._count += 1
        number = self._count
        job = BuildJob(number, client, call, compiler, words, decision if isinstance(decision, Far) else None)
        if isinstance(decision, Far):
            arrival = JobArrived(number, compiler.needs)
        elif decision.waits:
            arrival = JobArrived(number, leaves=False, kept=decision.why)
        else:
            job.run()
            return
        self._jobs[number] = job
        client.gone = lambda: self._gone(job)
        self._handle(arrival)

    def _gone(self, job: BuildJob) -> None:
        """The launcher has ended, or the compiler in its place."""
        self._clients.discard(job.client)
        if self._jobs.pop(job.number, None) is not None:
            self._texts.drop(job)
            self._handle(JobDone(job.number, good=False) if job.is_final else JobGone(job.number))

    async def _prepare(self, job: BuildJob) -> None:
        try:
            kept = await self._texts.make(job)
        except LauncherGone:
            return
        if job.number in self._jobs and not job.is_final:
            self._handle(JobReady(job.number) if kept is None else JobStays(job.number, kept))

    def _handle(self, event: Event) -> None:
        loop = asyncio.get_running_loop()
        for effect in self._dispatcher.handle(event, loop.time()):
            self._carry_out(effect)
        for number in self._dispatcher.unprepared(loop.time()):
            job = self._jobs[number]
            if job.preparing is None:
                job.preparing = self._spawn(job.client, self._prepare(job))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dispatcher.wake_at is not None:
            self._timer = loop.call_at(self._dispatcher.wake_at, self._handle, Woke())
        self._on_demand(self._dispatcher.demand)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Place(number, host):
                self._start(number, host.name, self._compile_there(self._jobs[number], host))
            case PlaceHere(number, report):
                job = self._jobs[number]
                if report:
                    self._start(number, "", self._run_and_report(job))
                job.is_final = True
                if not report:
                    job.run()
            case CopyHere(number):
                self._start(number, "", self._compile_here(self._jobs[number]))
            case Cancel(number, name):
                task = self._tasks.pop((number, name), None)
                if task is not None:
                    task.cancel()
                    self._keep(task)

    def _start(self, job: int, host: str, work: Coroutine[Any, Any, Event]) -> None:
        self._tasks[job, host] = asyncio.get_running_loop().create_task(self._work(job, host, work))

    async def _work(self, job: int, host: str, work: Awaitable[Event]) -> None:
        """Do one copy's work and report. If nothing comes of it, the launcher is left to its own compiler."""
        try:
            event = await work
        except OSError:  # the text is gone
            self._jobs[job].client.hang_up()
            return
        except Exception:
            self._jobs[job].client.hang_up()
            raise
        del self._tasks[job, host]
        self._handle(event)

    def _spawn(self, client: Launched, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin work for a launcher; if nothing comes of it, the launcher is left to its own compiler."""

        async def guarded() -> None:
            try:
                await work
            except OSError:  # the text is gone
                client.hang_up()
            except Exception:
                client.hang_up()
                raise

        return self._keep(asyncio.get_running_loop().create_task(guarded()))

    def _keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    async def _compile_there(self, job: BuildJob, host: Host) -> Event:
        try:
            answer = await compile_on(host, 1, self._texts.request(job), self._patience, self._limit)
        except HostLost as lost:
            return JobLost(job.number, host.name, lost.hung_up)
        verdict = judge(answer.reader)
        if verdict is Verdict.BROKEN:
            return JobLost(job.number, host.name)
        if verdict is Verdict.REFUSED or answer.reader.errors.size or answer.reader.output.size:
            return JobFailed(job.number, host.name, refused=verdict is Verdict.REFUSED)
        whole, product = memoryview(b"".join(answer.pieces)), answer.reader.object
        return self._deliver(job, whole[product.start : product.end], host.name)

    async def _compile_here(self, job: BuildJob) -> Event:
        try:
            outcome = await self._local.compile(job.compiler.program, self._texts.command(job), self._texts.read(job))
        except CannotCompile:
            return JobNotHere(job.number)
        if outcome.status or outcome.told:
            return JobFailed(job.number, "", refused=outcome.status != 0)
        return self._deliver(job, outcome.product, "")

    def _deliver(self, job: BuildJob, product: bytes | memoryview, host: str) -> Event:
        assert job.far is not None
        del self._jobs[job.number]
        self._texts.drop(job)
        job.client.deliver(job.far.output, product)
        return JobDone(job.number, host)

    async def _run_and_report(self, job: BuildJob) -> Event:
        try:
            status = await job.client.run_and_report()
        except LauncherGone:
            return JobGone(job.number)
        return JobDone(job.number, good=os.waitstatus_to_exitcode(status) == 0)
