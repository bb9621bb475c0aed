"""The journal of jobs and reclaims, as the agent keeps it: writes never wait, reads are awaited.

1. What happens is noted in memory and written at most once every `EVERY` seconds, on a thread of its own.
2. A journal that cannot be written never holds up the agent: what was to be written is dropped, the log says so once,
   and it is tried again after `RETRY_AFTER` seconds.
3. Nothing is woken while nothing happens.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from farmhand.wire.history import MAX_LISTED, AskHistory, History, JobRecord, ReclaimRecord, Summary
from farmhand_agent.background import background
from farmhand_agent.gate.jobs import End, Job, NoLedger, Refusal
from farmhand_agent.journal.journal_file import BOUNDS, Bounds, Entries, JournalFile
from farmhand_agent.journal.summary import summarise

FILE = "journal.sqlite3"

EVERY = 1.0
"""Seconds that entries are gathered before they are written together."""

RETRY_AFTER = 60.0
"""Seconds until a journal that could not be written is tried again."""

MAX_GATHERED = 10_000
"""Entries that may wait for a slow disk; more are dropped."""

CLOSING = 2.0
"""Seconds that a leaving agent gives the disk."""

_log = logging.getLogger("farmhand.journal")

T = TypeVar("T")


class Journal:
    """Keeps the journal in `folder`. Its methods belong to the event loop's thread.

    Args:
        folder: where the file lies; must exist.
        bounds: what it may hold.
        retry_after: see `RETRY_AFTER`.
        most: see `MAX_GATHERED`.
    """

    def __init__(
        self,
        folder: Path,
        bounds: Bounds = BOUNDS,
        retry_after: float = RETRY_AFTER,
        most: int = MAX_GATHERED,
    ) -> None:
        self._file = JournalFile(folder / FILE, _log.warning, bounds)
        self._most = most
        self._thread = ThreadPoolExecutor(1, "journal")
        self._retry_after = retry_after
        self._jobs: list[JobRecord] = []
        self._reclaims: list[ReclaimRecord] = []
        self._turned_away: Counter[tuple[int, str]] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._trouble = ""
        self._closed_until = 0.0
        self._lost = 0

    def ended(self, job: Job, end: End) -> None:
        """Note a job that is over."""
        self._jobs.append(record(job, end, time.monotonic()))
        self._gathered()

    def refused(self, why: Refusal) -> None:
        """Count a client for which no job began."""
        self._turned_away[_midnight(datetime.now().astimezone()), why.value] += 1
        self._gathered()

    def reclaimed(self, reclaim: ReclaimRecord) -> None:
        """Note that the machine went back to its owner."""
        self._reclaims.append(reclaim)
        self._gathered()

    async def reclaim_ms(self, days: float) -> tuple[float, ...]:
        """How long each reclaim of the latest `days` took, in milliseconds, oldest first; empty when it cannot say."""
        since = time.time() - days * 86400
        try:
            return await self._on_thread(lambda: self._file.reclaim_ms(since))
        except (sqlite3.Error, OSError) as wrong:
            self._give_up(wrong, 0)
            return ()

    async def history(self, ask: AskHistory) -> History:
        """Answer a question; what has been noted until now counts."""
        await self._write_now()
        now = datetime.now().astimezone()
        ask = msgspec.structs.replace(ask, limit=max(0, min(ask.limit, MAX_LISTED)))
        try:
            found = await self._on_thread(lambda: _look_up(self._file, ask, now))
        except (sqlite3.Error, OSError) as wrong:
            return unknown(now, f"the journal cannot be read: {wrong}")
        return msgspec.structs.replace(found, trouble=self._trouble)

    async def close(self) -> None:
        """Write what is left, for at most `CLOSING` seconds, and close the file."""
        last = asyncio.ensure_future(self._write_and_close())
        await asyncio.wait((last,), timeout=CLOSING)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _gathered(self) -> None:
        if len(self._jobs) + len(self._reclaims) > self._most:
            self._drop()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._begin_writing)

    def _begin_writing(self) -> None:
        self._timer = None
        if self._writing is None or self._writing.done():
            self._writing = background(self._write())
        else:
            self._gathered()  # the disk is slow: look again later

    async def _write_now(self) -> None:
        if self._writing is not None:
            await asyncio.wait((self._writing,))
        await self._write()

    async def _write(self) -> None:
        if time.monotonic() < self._closed_until:
            self._drop()
            return
        entries = self._take()
        if entries == Entries():
            return
        try:
            await self._on_thread(lambda: self._file.write(entries))
        except (sqlite3.Error, OSError) as wrong:
            self._give_up(wrong, len(entries.jobs) + len(entries.reclaims))
        else:
            if self._trouble:
                _log.info("the journal is written again; entries lost: %d", self._lost)
            self._trouble, self._lost = "", 0

    def _give_up(self, wrong: Exception, lost: int) -> None:
        self._lost += lost
        self._closed_until = time.monotonic() + self._retry_after
        if not self._trouble:
            _log.warning("the journal cannot be written (%s); jobs go on without it", wrong)
        self._trouble = f"the journal cannot be written: {wrong}"

    def _take(self) -> Entries:
        counts = tuple((day, reason, number) for (day, reason), number in self._turned_away.items())
        entries = Entries(tuple(self._jobs), tuple(self._reclaims), counts)
        self._forget()
        return entries

    def _drop(self) -> None:
        self._lost += len(self._jobs) + len(self._reclaims)
        self._forget()

    def _forget(self) -> None:
        self._jobs.clear()
        self._reclaims.clear()
        self._turned_away.clear()

    async def _write_and_close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._write_now()
        await self._on_thread(self._file.close)

    def _on_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


class NoJournal(NoLedger):
    """Keeps nothing, as the setting `journal` may say."""

    def reclaimed(self, reclaim: ReclaimRecord) -> None:
        """Forget it."""

    async def reclaim_ms(self, days: float) -> tuple[float, ...]:
        """Nothing is known."""
        return ()

    async def history(self, ask: AskHistory) -> History:
        """Say why nothing is known."""
        return unknown(datetime.now().astimezone(), "nothing is kept: the setting `journal` is off")

    async def close(self) -> None:
        """Nothing is open."""


def record(job: Job, end: End, now: float) -> JobRecord:
    """What the journal keeps of a job that ended at `now`, in monotonic seconds."""
    client = job.client
    return JobRecord(
        started_at=job.started_at,
        waited=job.started - job.arrived,
        ran=now - job.started,
        user=client.user,
        host=client.host,
        project=client.project,
        grant=client.grant,
        compiler=job.compiler,
        file=job.file,
        bytes_in=job.received,
        bytes_out=job.sent,
        status=_exit_status(job.status),
        end=end.value,
    )


def _exit_status(told: int | None) -> int | None:
    """A wait status as an exit status; what a lying box told may be neither."""
    try:
        return None if told is None else os.waitstatus_to_exitcode(told)
    except (ValueError, OverflowError):
        return None


def unknown(now: datetime, trouble: str) -> History:
    """A history of nothing, with the reason."""
    nothing = Summary(since=now.timestamp())
    return History(nothing, nothing, nothing, trouble=trouble)


def _look_up(file: JournalFile, ask: AskHistory, now: datetime) -> History:
    def since(moment: float) -> Summary:
        return summarise(moment, file.usages(moment, ask.user), file.reclaim_ms(moment), file.turned_away(moment))

    begin = now.timestamp() - ask.days * 86400
    return History(
        summary=since(begin),
        today=since(_midnight(now)),
        week=since(_midnight(now - timedelta(days=now.weekday()))),
        jobs=file.latest_jobs(ask, begin),
        reclaims=file.latest_reclaims(ask, begin),
    )


def _midnight(moment: datetime) -> int:
    """Unix time at which the day of `moment` began here."""
    return int(datetime(moment.year, moment.month, moment.day).astimezone().timestamp())
