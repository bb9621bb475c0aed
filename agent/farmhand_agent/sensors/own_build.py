"""Whether a build of this machine's own runs: heard when its tool starts, before the load shows.

1. Starting a program opens its file, and inotify tells of that; nothing is polled. The event comes before the process
   bears its new name, so that a few looks at all processes follow, ever further apart.
2. Whatever runs outside of the boxes is the machine's own: the owner's, another user's over ssh, cron's. So is
   `farmhand build` on this machine. Not the agent's own questions to compilers, nor what the agent was started by.
3. The end is told by the process's pidfd. Some seconds later one look follows, so that a row of builds counts as one.
4. A tool that has run for long is judged by the load alone: `make serve` is no build.
5. Jobs of the farm open the same compilers. A look that finds nothing makes the next pause longer, up to seconds for
   compilers; during a pause nothing is watched, and after it one look finds what has started meanwhile. Tools have
   pauses of their own, which jobs do not lengthen.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors import build_tools
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.build_tools import Files, Watched
from farmhand_agent.sensors.inotify import Inotify
from farmhand_agent.sensors.process_names import PROC, Process, age, parents, running, why_no_proc
from farmhand_agent.traces.processes import readable

LOOKS = ((0.001, 50), (0.002, 50), (0.004, 50), (0.008, 50), (0.02, 50), (0.1, None))
"""Seconds before each look that follows an event, and how many of the newest processes it is at; None: all. A program
takes a millisecond to be loaded, on a busy machine more. Where starts that are no builds are common, only the last."""

FIRST_PAUSE = 0.1
"""Seconds after looks that found nothing; doubled each time, and back to this after a quiet time of `QUIET`."""

TOOL_PAUSE, COMPILER_PAUSE = 2.0, 20.0
"""Most seconds of a pause."""

QUIET = 60.0

SETTLE = 0.2
"""Seconds from the first look at what runs to the second."""

LINGER = 5.0
"""Seconds from the end of a build to the look that tells whether another one runs."""

LONG = 600.0
"""Seconds after which a tool that still runs no longer counts as a build."""


class OwnBuild:
    """Listens for builds.

    Args:
        settings: `own_build`, `build_tools` and `toolchains` count.
        environ: of the owner's session: tells where programs are.
        proc: where proc is mounted.
        linger: seconds from the end of a build to the next look.
        long: seconds for which a tool counts as a build.
        tools: names of programs that start builds.
        compilers: names of programs that compile a file.
    """

    question = "own build"
    name = "starts of build tools"

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        proc: Path = PROC,
        linger: float = LINGER,
        long: float = LONG,
        tools: Sequence[str] = build_tools.TOOLS,
        compilers: Sequence[str] = build_tools.COMPILERS,
    ) -> None:
        self._wanted = settings.own_build != "ignore"
        places = build_tools.folders(environ, settings.toolchains)
        self._ears = (
            _Ear(Files((*tools, *settings.build_tools), places), TOOL_PAUSE, self._builds),
            _Ear(Files(compilers, places), COMPILER_PAUSE, self._builds),
        )
        self._proc = proc
        self._linger = linger
        self._long = long

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_proc(self._proc) if self._wanted else "the setting own_build is ignore"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        try:
            while True:
                building = self._ears[0].look() or self._ears[1].look()
                if building is None:
                    report(Reading({"own_build": ""}))
                    building = await self._hear()
                report(Reading({"own_build": building.name}))
                await self._last(building)
                await asyncio.sleep(self._linger)
        except OSError as problem:
            raise SenseLost(str(problem)) from None

    async def _hear(self) -> Process:
        """Wait for a build to start, by either ear."""
        hearing = [asyncio.create_task(ear.hear()) for ear in self._ears]
        try:
            done, _ = await asyncio.wait(hearing, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for one in hearing:
                one.cancel()
            await asyncio.gather(*hearing, return_exceptions=True)

    async def _last(self, building: Process) -> None:
        """Wait for the end of a build, or for the time at which it no longer counts as one."""
        try:
            pidfd = os.pidfd_open(building.pid)
        except ProcessLookupError:
            return
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._long - age(building.pid, self._proc)):
                    await readable(pidfd)
        finally:
            os.close(pidfd)

    def _builds(self, names: Mapping[str, str], newest: int | None = None) -> Iterator[Process]:
        """Yield the builds that run, called by the names of their tools; see `running`."""
        above = frozenset(parents(os.getpid(), self._proc))
        for process in running(names, self._proc, build_tools.plain, newest):
            if process.pid in above or os.getpid() in parents(process.pid, self._proc):
                continue
            if age(process.pid, self._proc) < self._long:
                yield Process(process.pid, names[build_tools.plain(process.name)])


class _Ear:
    """Hears programs of one kind start.

    Args:
        files: the programs.
        longest: most seconds of a pause after a start that was no build.
        builds: finds builds, by the names that their processes may have.
    """

    def __init__(
        self, files: Files, longest: float, builds: Callable[[Mapping[str, str], int | None], Iterator[Process]]
    ) -> None:
        self._files = files
        self._longest = longest
        self._builds = builds
        self._pause = FIRST_PAUSE

    def look(self) -> Process | None:
        """Return a build that runs now."""
        return next(self._builds(self._files.by_process_name(), None), None)

    async def hear(self) -> Process:
        """Return a build as soon as it starts."""
        clock = asyncio.get_running_loop().time
        while True:
            since = clock()
            building = await self._watch_once()
            if building is not None:
                return building
            if clock() - since >= QUIET:
                self._pause = FIRST_PAUSE
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, self._longest)

    async def _watch_once(self) -> Process | None:
        """Watch the files until one of them is started or replaced; return the build that this was, or that runs."""
        names = self._files.by_process_name()
        with Inotify() as watches:
            watched = self._files.watched_by(watches)
            # The second look is for what was opened before the watches began and had no name yet at the first one.
            for patience in (SETTLE, None):
                building = next(self._builds(names, None), None)
                if building is not None:
                    return building
                if await _something(watches, watched, patience):
                    break
            return await self._look_closely(names)

    async def _look_closely(self, names: Mapping[str, str]) -> Process | None:
        """Look until a program that was opened just now must bear its name."""
        for pause, newest in LOOKS if self._pause < self._longest else LOOKS[-1:]:
            await asyncio.sleep(pause)
            building = next(self._builds(names, newest), None)
            if building is not None:
                return building
        return None


async def _something(watches: Inotify, watched: Watched, patience: float | None) -> bool:
    """Wait until something happens that matters, for `patience` seconds at most; tell whether it has."""
    try:
        async with asyncio.timeout(patience):
            while not any(map(watched.concerns, await watches.events())):
                pass
    except TimeoutError:
        return False
    return True
