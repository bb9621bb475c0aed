"""The journal as the agent uses it: noted at once, written in its time, never in the way."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fakes.limits import largest_file
from fakes.waiting import comes_true

from farmhand.wire.history import AskHistory, ReclaimRecord
from farmhand_agent.gate.admission import Client
from farmhand_agent.gate.jobs import End, Job, Refusal
from farmhand_agent.journal.journal import FILE, Journal, record

ANNA = Client("anna@ws2", "anna", "ws2", "lua", 2, "g1")


def job(**changes: object) -> Job:
    now = time.monotonic()
    made = Job(ANNA, "gcc", "lapi.c", arrived=now - 3.5, started=now - 3.0, started_at=time.time() - 3.0)
    made.received, made.sent, made.status = 1000, 500, 0
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def reclaim(milliseconds: float = 9.0, at: float = 0.0) -> ReclaimRecord:
    return ReclaimRecord(at or time.time(), "in use", milliseconds, jobs=1, slots=2)


@asynccontextmanager
async def kept(folder: Path, retry_after: float = 60.0, most: int = 1000) -> AsyncIterator[Journal]:
    made = Journal(folder, retry_after=retry_after, most=most)
    try:
        yield made
    finally:
        await made.close()


async def test_a_job_is_told_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        journal.ended(job(), End.SERVED)
        told = await journal.history(AskHistory())
    (one,) = told.jobs
    assert (one.user, one.host, one.project, one.grant, one.compiler, one.file) == (
        ("anna", "ws2", "lua", "g1", "gcc", "lapi.c")
    )
    assert (one.bytes_in, one.bytes_out, one.status, one.end) == (1000, 500, 0, "served")
    assert one.waited == pytest.approx(0.5)
    assert one.ran == pytest.approx(3.0, abs=0.5)
    assert told.trouble == ""
    assert told.summary.jobs == told.today.jobs == told.week.jobs == 1


async def test_reclaims_and_the_turned_away_are_told(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        journal.reclaimed(reclaim(9.0))
        journal.reclaimed(reclaim(31.0))
        for why in (Refusal.FULL, Refusal.DENIED, Refusal.FULL):
            journal.refused(why)
        told = await journal.history(AskHistory(limit=1))
        assert await journal.reclaim_ms(1) == (9.0, 31.0)
    assert [one.milliseconds for one in told.reclaims] == [31.0]
    assert (told.summary.reclaims, told.summary.reclaim_p50_ms, told.summary.reclaim_p99_ms) == (2, 9.0, 31.0)
    assert told.summary.turned_away == (("all slots were taken", 2), ("not admitted", 1))


async def test_only_the_days_that_were_asked_for_count(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        journal.ended(job(started_at=time.time() - 9 * 86400), End.SERVED)
        assert (await journal.history(AskHistory(days=8))).jobs == ()
        told = await journal.history(AskHistory(days=10))
    assert (told.summary.jobs, told.week.jobs, told.today.jobs) == (1, 0, 0)


async def test_today_and_the_week_begin_at_midnight(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        told = await journal.history(AskHistory())
    today, week = (datetime.fromtimestamp(one.since).astimezone() for one in (told.today, told.week))
    assert today.date() == datetime.now().astimezone().date()
    assert (today.hour, today.minute, week.hour, week.minute) == (0, 0, 0, 0)
    assert week.weekday() == 0
    assert timedelta(0) <= today - week < timedelta(7)


async def test_an_absurd_limit_is_cut_down(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        journal.ended(job(), End.SERVED)
        assert (await journal.history(AskHistory(limit=-5))).jobs == ()
        assert len((await journal.history(AskHistory(limit=10**12))).jobs) == 1


async def test_an_absurd_span_is_all_there_is(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        journal.ended(job(), End.SERVED)
        assert len((await journal.history(AskHistory(days=1e300))).jobs) == 1


async def test_what_happens_is_on_disk_soon_without_being_asked_for(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        journal.ended(job(), End.SERVED)
        assert not (tmp_path / FILE).exists(), "nothing is written while a job ends"
        await comes_true(lambda: (tmp_path / FILE).exists() and _count(tmp_path) == 1)


async def test_a_closed_journal_has_written_everything(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        journal.ended(job(), End.RECLAIMED)
    assert _count(tmp_path) == 1


async def test_a_full_disk_costs_entries_and_one_line_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with kept(tmp_path, retry_after=0.0) as journal:
        with largest_file(10):
            for _ in range(3):
                journal.ended(job(), End.SERVED)
                told = await journal.history(AskHistory())
                assert "cannot" in told.trouble
        journal.ended(job(file="after.c"), End.SERVED)
        told = await journal.history(AskHistory())
    assert [one.file for one in told.jobs] == ["after.c"]
    assert told.trouble == ""
    lines = [one.getMessage() for one in caplog.records if one.name == "farmhand.journal"]
    assert len(lines) == 2
    assert "cannot be written" in lines[0]
    assert lines[1] == "the journal is written again; entries lost: 3"


async def test_a_journal_that_failed_is_left_alone_for_a_while(tmp_path: Path) -> None:
    async with kept(tmp_path, retry_after=60.0) as journal:
        with largest_file(10):
            journal.ended(job(), End.SERVED)
            await journal.history(AskHistory())
        journal.ended(job(), End.SERVED)
        told = await journal.history(AskHistory())
    assert told.jobs == ()
    assert "cannot be written" in told.trouble


async def test_a_locked_file_holds_up_nobody(tmp_path: Path) -> None:
    async with kept(tmp_path) as journal:
        await journal.history(AskHistory())
        other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        journal.ended(job(), End.SERVED)
        asked = asyncio.ensure_future(journal.history(AskHistory()))
        longest, began = 0.0, time.monotonic()
        while not asked.done():
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)
        waited = time.monotonic() - began
        other.execute("ROLLBACK")
        other.close()
    assert "locked" in asked.result().trouble
    assert longest < waited / 2, f"of {waited:.3f} s the loop stood still for {longest:.3f} s at once"


async def test_a_flood_of_jobs_is_bounded(tmp_path: Path) -> None:
    async with kept(tmp_path, most=10) as journal:
        for number in range(25):
            journal.ended(job(file=f"{number}.c"), End.SERVED)
        told = await journal.history(AskHistory())
    assert [one.file for one in told.jobs] == ["24.c", "23.c", "22.c"]


async def test_a_damaged_file_is_begun_afresh(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    async with kept(tmp_path) as journal:
        journal.ended(job(), End.SERVED)
        assert len((await journal.history(AskHistory())).jobs) == 1
    assert "journal.damaged-1" in caplog.text


async def test_no_reclaim_times_from_a_folder_that_is_gone(tmp_path: Path) -> None:
    async with kept(tmp_path / "gone") as journal:
        assert await journal.reclaim_ms(7) == ()


@pytest.mark.parametrize(
    ("told", "expected"), [(None, None), (0, 0), (256, 1), (9, -9), (0x137F, None), (-1, None), (1 << 40, None)]
)
def test_the_compilers_end_is_an_exit_status_a_signal_or_unknown(told: int | None, expected: int | None) -> None:
    assert record(job(status=told), End.SERVED, 0.0).status == expected


def _count(folder: Path) -> int:
    with closing(sqlite3.connect(folder / FILE)) as db:
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'jobs'").fetchone():
            return 0
        return int(db.execute("SELECT count(*) FROM jobs").fetchone()[0])
