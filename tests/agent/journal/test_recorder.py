"""Observations on disk: bounded, readable file by file, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from fakes.waiting import comes_true

from farmhand.lending.observation import Observation
from farmhand.lending.recording import RECORDINGS, Session, read
from farmhand.lending.replay import replay
from farmhand.machine import Machine
from farmhand.settings import Settings
from farmhand_agent.journal.recorder import EVERY, Recorder

OLDER, NAME = RECORDINGS
MACHINE = Machine("anna-desk", cores=8, memory_mib=16384)
SEEN = Observation(in_use=True, others_cpu=0.1, sandbox="")


def sessions(file: Path) -> list[Session]:
    with file.open("rb") as lines:
        return list(read(lines))


async def test_only_what_changes_is_written(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, MACHINE, Settings())
    recorder.note(SEEN, "in use", False, 1.0, 100.0)
    recorder.note(SEEN, "in use", False, 2.0, 101.0)
    recorder.note(SEEN, "idle", True, 3.0, 102.0)
    await recorder.flush()
    await recorder.flush()
    (session,) = sessions(tmp_path / NAME)
    assert [(one.at, one.rule, one.lent) for one in session.moments] == [(1.0, "in use", False), (3.0, "idle", True)]
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


async def test_it_sleeps_while_there_is_nothing_to_write(tmp_path: Path) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    recorder = Recorder(tmp_path, MACHINE, Settings(), pause=pause)
    writing = asyncio.create_task(recorder.run())
    await comes_true((tmp_path / NAME).exists)
    assert pauses == [EVERY], "for the line that begins the session"
    recorder.note(SEEN, "in use", False, 1.0, 100.0)
    await comes_true(lambda: pauses == [EVERY, EVERY])
    writing.cancel()


async def test_other_settings_begin_another_session(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, MACHINE, Settings())
    recorder.note(SEEN, "in use", False, 1.0, 100.0)
    recorder.adopt(Settings(idle_after=60))
    recorder.note(SEEN, "in use", False, 2.0, 101.0)
    await recorder.flush()
    before, after = sessions(tmp_path / NAME)
    assert (before.settings.idle_after, after.settings.idle_after) == (300, 60)
    assert before.moments[0].reading == after.moments[0].reading, "a session tells everything from its beginning"


async def test_nothing_is_written_for_an_owner_who_does_not_want_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, MACHINE, Settings(record=False))
    recorder.note(SEEN, "in use", False, 1.0, 100.0)
    await recorder.flush()
    assert list(tmp_path.iterdir()) == []
    recorder.adopt(Settings())
    recorder.note(SEEN, "in use", False, 2.0, 101.0)
    await recorder.flush()
    assert len(sessions(tmp_path / NAME)) == 1


async def test_the_files_never_outgrow_their_bound(tmp_path: Path) -> None:
    most = 20_000
    recorder = Recorder(tmp_path, MACHINE, Settings(), most)
    for second in range(1000):
        recorder.note(replace(SEEN, others_cpu=second % 7 / 10), "in use", False, float(second), 100.0 + second)
        if second % 300 == 0:
            await recorder.flush()
        if second == 500:
            recorder = Recorder(tmp_path, MACHINE, Settings(), most)  # started anew
    await recorder.flush()
    files = [tmp_path / OLDER, tmp_path / NAME]
    assert sum(file.stat().st_size for file in files) < most * 1.05
    assert all(file.stat().st_size > 0 for file in files)
    newest = sessions(files[1])[-1].moments[-1]
    assert newest.at == 999.0
    tally = replay((one for file in files for one in sessions(file)), {}, UTC)
    assert tally.decisions > 80


async def test_a_broken_disk_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / NAME).mkdir()
    recorder = Recorder(tmp_path, MACHINE, Settings())
    with caplog.at_level(logging.WARNING):
        for second in range(3):
            recorder.note(SEEN, str(second), False, float(second), 100.0)
            await recorder.flush()
    assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["observations are not recorded"]
    (tmp_path / NAME).rmdir()
    recorder.adopt(Settings())
    await recorder.flush()
    assert len(sessions(tmp_path / NAME)) == 1
