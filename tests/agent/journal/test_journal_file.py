"""The journal's file, by real SQLite."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fakes.limits import largest_file

from farmhand.wire.history import AskHistory, JobRecord, ReclaimRecord, Usage
from farmhand_agent.journal.journal_file import Bounds, Entries, JournalFile

DAY = 86400
NOW = 1_800_000_000.0
JOB = JobRecord(
    started_at=NOW,
    waited=0.1,
    ran=2.0,
    user="anna",
    host="ws2",
    project="lua",
    grant="g1",
    compiler="gcc",
    file="lapi.c",
    bytes_in=1000,
    bytes_out=500,
    status=0,
    end="served",
)
RECLAIM = ReclaimRecord(at=NOW, rule="in use", milliseconds=9.0, jobs=2, slots=4)
ASK = AskHistory(days=1, limit=10)


def job(**changes: object) -> JobRecord:
    return msgspec.structs.replace(JOB, **changes)


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def file(path: Path, log: Log) -> Iterator[JournalFile]:
    made = JournalFile(path, log.lines.append)
    yield made
    made.close()


def test_what_was_written_is_read_newest_first(file: JournalFile) -> None:
    second = job(started_at=NOW + 1, status=None, end="the client left")
    file.write(Entries(jobs=(JOB, second), reclaims=(RECLAIM,)))
    assert file.latest_jobs(ASK, NOW - 5) == (second, JOB)
    assert file.latest_reclaims(ASK, NOW - 5) == (RECLAIM,)


def test_no_more_than_asked_for(file: JournalFile) -> None:
    file.write(Entries(jobs=(JOB, job(file="b.c")), reclaims=(RECLAIM, RECLAIM)))
    ask = AskHistory(limit=1)
    assert [one.file for one in file.latest_jobs(ask, 0)] == ["b.c"]
    assert len(file.latest_reclaims(ask, 0)) == 1


def test_nothing_from_before_the_span(file: JournalFile) -> None:
    file.write(Entries((job(started_at=NOW - 9),), (msgspec.structs.replace(RECLAIM, at=NOW - 9),)))
    assert (
        file.latest_jobs(ASK, NOW) == file.latest_reclaims(ASK, NOW) == file.usages(NOW) == file.reclaim_ms(NOW) == ()
    )


def test_a_sender_is_named_as_user_as_machine_or_as_both(file: JournalFile) -> None:
    file.write(Entries(jobs=(JOB, job(user="ben"), job(host="ws3"))))

    def found(who: str) -> list[tuple[str, str]]:
        asked = AskHistory(limit=10, user=who)
        assert sum(one.jobs for one in file.usages(0, who)) == len(file.latest_jobs(asked, 0))
        return sorted((one.user, one.host) for one in file.latest_jobs(asked, 0))

    assert found("anna") == [("anna", "ws2"), ("anna", "ws3")]
    assert found("ws2") == [("anna", "ws2"), ("ben", "ws2")]
    assert found("anna@ws3") == [("anna", "ws3")]
    assert found("nobody") == []
    assert len(found("")) == 3


def test_jobs_add_up_by_sender_and_project(file: JournalFile) -> None:
    file.write(Entries(jobs=(JOB, JOB, job(project="zlib"))))
    assert set(file.usages(0)) == {
        Usage("anna", "ws2", "lua", 2, 4.0, 2000, 1000),
        Usage("anna", "ws2", "zlib", 1, 2.0, 1000, 500),
    }


def test_reclaims_tell_how_long_they_took(file: JournalFile) -> None:
    file.write(Entries(reclaims=(RECLAIM, msgspec.structs.replace(RECLAIM, milliseconds=31.0))))
    assert file.reclaim_ms(0) == (9.0, 31.0)


def test_the_turned_away_are_counted_by_day_and_reason(file: JournalFile) -> None:
    file.write(Entries(turned_away=((0, "full", 2), (DAY, "full", 1))))
    file.write(Entries(turned_away=((DAY, "full", 4), (DAY, "denied", 1))))
    assert file.turned_away(0) == {"full": 7, "denied": 1}
    assert file.turned_away(DAY) == {"full": 5, "denied": 1}
    assert file.turned_away(DAY + 100) == {"full": 5, "denied": 1}, "the day has not ended before"
    assert file.turned_away(2 * DAY) == {}


def test_it_survives_a_restart(file: JournalFile, path: Path, log: Log) -> None:
    file.write(Entries(jobs=(JOB,)))
    file.close()
    again = JournalFile(path, log.lines.append)
    assert again.latest_jobs(ASK, 0) == (JOB,)
    again.close()
    assert log.lines == []


def test_only_the_owner_can_read_it(file: JournalFile, path: Path) -> None:
    file.write(Entries(jobs=(JOB,)))
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert modes == {path.name: 0o600, f"{path.name}-wal": 0o600, f"{path.name}-shm": 0o600}


def test_the_newest_jobs_and_reclaims_stay(path: Path, log: Log) -> None:
    file = JournalFile(path, log.lines.append, Bounds(jobs=3, reclaims=2))
    for number in range(5):
        one = msgspec.structs.replace(RECLAIM, milliseconds=float(number))
        file.write(Entries(jobs=(job(file=f"{number}.c"),), reclaims=(one,)))
    assert [one.file for one in file.latest_jobs(ASK, 0)] == ["4.c", "3.c", "2.c"]
    assert file.reclaim_ms(0) == (3.0, 4.0)
    file.close()


def test_old_counts_go(path: Path, log: Log) -> None:
    file = JournalFile(path, log.lines.append, Bounds(days=2))
    file.write(Entries(turned_away=((1 * DAY, "full", 1), (2 * DAY, "full", 1))))
    file.write(Entries(turned_away=((3 * DAY, "full", 1),)))
    assert file.turned_away(0) == {"full": 2}
    file.close()


def test_it_never_grows_beyond_its_size(path: Path, log: Log) -> None:
    file = JournalFile(path, log.lines.append, Bounds(size=1 << 18))
    for batch in range(60):
        file.write(Entries(jobs=tuple(job(file=f"{batch}-{number}.c" * 10) for number in range(50))))
        assert path.stat().st_size <= 1 << 18
        assert sum(one.stat().st_size for one in path.parent.iterdir()) < 1.5 * (1 << 18)
    kept = file.latest_jobs(AskHistory(limit=1000), 0)
    assert kept[0].file.startswith("59-49.c")
    assert len(kept) > 200
    file.close()


@pytest.mark.parametrize("garbage", [b"this is no database, whatever its name says" * 50, b"\0" * 4096])
def test_a_file_that_is_no_database_is_set_aside(path: Path, log: Log, garbage: bytes) -> None:
    path.write_bytes(garbage)
    file = JournalFile(path, log.lines.append)
    file.write(Entries(jobs=(JOB,)))
    assert file.latest_jobs(ASK, 0) == (JOB,)
    assert path.with_name("journal.damaged-1").read_bytes() == garbage
    (line,) = log.lines
    assert "journal.damaged-1" in line
    file.close()


def test_a_file_that_breaks_while_it_is_open_is_set_aside(file: JournalFile, path: Path, log: Log) -> None:
    file.write(Entries(jobs=tuple(job(file=f"{number}.c") for number in range(20_000))))  # more than is cached
    file.close()
    file.write(Entries())
    with path.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xff" * (path.stat().st_size - 4096))
    assert file.usages(0) == ()
    file.write(Entries(jobs=(JOB,)))
    assert file.latest_jobs(ASK, 0) == (JOB,)
    assert len(log.lines) == 1


def test_each_damaged_file_gets_a_name_of_its_own(path: Path, log: Log) -> None:
    for number in (1, 2):
        path.write_bytes(b"rubbish %d" % number * 100)
        file = JournalFile(path, log.lines.append)
        file.write(Entries(jobs=(JOB,)))
        file.close()
    assert path.with_name("journal.damaged-2").read_bytes().startswith(b"rubbish 2")


def test_a_file_of_another_version_is_set_aside(path: Path, log: Log) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE jobs (something)")
        other.execute("PRAGMA user_version = 7")
    other.close()
    file = JournalFile(path, log.lines.append)
    file.write(Entries(jobs=(JOB,)))
    assert "version 7" in log.lines[0]
    file.close()


def test_a_file_that_the_owner_removes_is_begun_afresh(file: JournalFile, path: Path, log: Log) -> None:
    file.write(Entries(jobs=(JOB,)))
    path.unlink()
    assert file.latest_jobs(ASK, 0) == ()
    file.write(Entries(jobs=(job(file="new.c"),)))
    assert [one.file for one in file.latest_jobs(ASK, 0)] == ["new.c"]
    assert path.exists()
    assert log.lines == []


def test_a_locked_file_refuses_and_takes_more_when_it_is_free(file: JournalFile, path: Path) -> None:
    file.write(Entries(jobs=(JOB,)))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        file.write(Entries(jobs=(JOB,)))
    other.execute("ROLLBACK")
    other.close()
    file.write(Entries(jobs=(JOB,)))
    assert len(file.latest_jobs(ASK, 0)) == 2


def test_a_full_disk_refuses_all_of_it_and_takes_more_when_there_is_room(file: JournalFile) -> None:
    file.write(Entries(jobs=(JOB,)))
    with largest_file(50_000), pytest.raises(sqlite3.Error):
        file.write(Entries(jobs=(JOB,) * 5000))
    assert file.latest_jobs(ASK, 0) == (JOB,)
    file.write(Entries(jobs=(JOB,)))
    assert len(file.latest_jobs(ASK, 0)) == 2


def test_a_folder_that_is_gone_is_an_error_for_the_caller(tmp_path: Path, log: Log) -> None:
    with pytest.raises(OSError, match="No such file"):
        JournalFile(tmp_path / "gone" / "journal.sqlite3", log.lines.append).write(Entries(jobs=(JOB,)))
