"""What all senses together cost while nothing happens, and which of them costs how much."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.table import Table

from benchmarks.accounting import Account, PayingLoop, Spent, pays
from farmhand.settings import Settings
from farmhand_agent.sensors import Question, Report, Senses, Sensor, candidates
from farmhand_agent.traces.processes import tree

GOAL = 1.0
"""CPU seconds an hour."""

STARTING = 65.0
"""Seconds from the start until senses that find no source ask only once a minute."""

WATCHED_FOR = 60.0
"""Seconds of rest over which is measured; a whole number of minutes."""

YARDSTICK = 20
"""Times that a loop with nothing to do is woken, once a second."""

OWN_BUILD = "own build: starts of build tools"
THREADS, CHILDREN, OURS = "threads", "children, living and ended", "this benchmark"


class Paying:
    """A source that pays for itself.

    Args:
        source: the real one.
    """

    def __init__(self, source: Sensor) -> None:
        self.question = source.question
        self.name = source.name
        self._source = source

    def unusable(self) -> str | None:
        """See `Sensor.unusable`."""
        pays(f"{self.question}: {self.name}")
        return self._source.unusable()

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        pays(f"{self.question}: {self.name}")
        await self._source.watch(report)


@dataclass(frozen=True, slots=True)
class Rest:
    """What was measured.

    Attributes:
        starting: CPU seconds until the senses rest.
        seconds: for which they were watched.
        births: processes and threads that were born in that time, by whatever else runs on this machine.
        spent: what the sources and others used, by name.
        watched: the sources that answer.
    """

    starting: float
    seconds: float
    births: int
    spent: Mapping[str, Spent]
    watched: frozenset[str]


def at_rest(environ: Mapping[str, str], seconds: float = WATCHED_FOR) -> Rest:
    """Run all senses and measure them for `seconds`; takes `STARTING` seconds more."""
    account = Account()
    with asyncio.Runner(loop_factory=lambda: PayingLoop(account)) as runner:
        return runner.run(_watch(account, environ, seconds))


async def _watch(account: Account, environ: Mapping[str, str], seconds: float) -> Rest:
    pays(OURS)
    strangers = frozenset(tree(os.getpid()))
    watched: dict[str, str] = {}

    begun = _used(strangers)
    questions = [_paying(one) for one in candidates(Settings(exclusive=("quake",)), environ)]
    sensing = asyncio.create_task(
        Senses(questions, lambda _: None, lambda view: watched.update({view.question: view.source})).run()
    )
    await asyncio.sleep(STARTING)
    before, born = _used(strangers), _births()
    account.begin()
    await asyncio.sleep(seconds)
    account.close()
    after = _used(strangers)
    sensing.cancel()
    await asyncio.gather(sensing, return_exceptions=True)
    spent = {name: one for name, one in account.spent.items() if name != OURS}
    spent |= {name: Spent(after[name] - before[name]) for name in (THREADS, CHILDREN)}
    sources = {f"{question}: {one}" for question, names in watched.items() for one in names.split(" + ") if one}
    return Rest(
        starting=sum(before.values()) - sum(begun.values()),
        seconds=seconds,
        births=_births() - born,
        spent=spent,
        watched=frozenset(sources),
    )


def _paying(question: Question) -> Question:
    sources, beside = (tuple(Paying(one) for one in several) for several in (question.sources, question.beside))
    return replace(question, sources=sources, beside=beside)


def _used(strangers: frozenset[int]) -> dict[str, float]:
    """Return the CPU seconds so far of this thread, of others, and of all children but `strangers`."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    living = sum(runtime(pid) for pid in tree(os.getpid()) if pid not in strangers)
    own = time.thread_time()
    return {"": own, THREADS: time.process_time() - own, CHILDREN: ended.ru_utime + ended.ru_stime + living}


def _births() -> int:
    """Return how many processes and threads have begun since the machine has."""
    lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
    return next(int(words[1]) for words in lines if words[0] == "processes")


def runtime(pid: int) -> float:
    """Return the CPU seconds of all threads of a process by the scheduler's own count, finer than /proc/PID/stat."""
    total = 0.0
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, IndexError):
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return total


def yardstick(times: int = YARDSTICK) -> float:
    """Return the CPU seconds of a wake-up with nothing to do, which on some machines are five times those on others."""

    async def rest() -> float:
        before = time.thread_time()
        for _ in range(times):
            await asyncio.sleep(1.0)
        return (time.thread_time() - before) / times

    return asyncio.run(rest())


def table(rest: Rest) -> Table:
    """Lay out what was measured."""
    hourly, by_minute = 3600 / rest.seconds, 60 / rest.seconds
    rows = Table("sense", "CPU s/h", "wake-ups/min", "", title="all senses at rest, the owner away")
    for name, spent in sorted(rest.spent.items(), key=lambda one: -one[1].cpu):
        note = "" if name in rest.watched or name in (THREADS, CHILDREN) else "not there, looked for"
        if name == OWN_BUILD and spent.wakes * by_minute >= 1:
            note = "NO REST: compilers run here"
        rows.add_row(name, f"{spent.cpu * hourly:.3f}", f"{spent.wakes * by_minute:.1f}", note)
    cpu, wakes = (sum(what) for what in zip(*((one.cpu, one.wakes) for one in rest.spent.values()), strict=True))
    verdict = "met" if cpu * hourly <= GOAL else "MISSED"
    rows.add_row("all", f"{cpu * hourly:.3f}", f"{wakes * by_minute:.1f}", f"goal {GOAL:g}: {verdict}")
    rows.caption = (
        f"starting {rest.starting:.2f} CPU s; an empty wake-up costs {yardstick() * 1000:.2f} ms here; "
        f"{rest.births * by_minute:.0f} processes and threads began each minute"
    )
    return rows
