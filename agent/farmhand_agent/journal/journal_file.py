"""The journal on disk: one SQLite file, used by one thread at a time. It may block: see `journal.Journal`.

1. Nobody but the owner can read it: mode 0600 from its first moment.
2. It never grows beyond its `Bounds`: the oldest records make room, in batches.
3. A damaged file, or one of another version, is set aside under a new name, never deleted, and a fresh one begun.
4. Everything else that may go wrong (a full disk, a locked file) is a `sqlite3.Error` or an `OSError` for the caller.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from farmhand.wire.history import AskHistory, JobRecord, ReclaimRecord, Usage

VERSION = 1
"""Of the tables; kept in the file itself."""

PATIENCE = 1.0
"""Seconds to wait for a file that another program has locked."""

CACHE_KIB = 256
"""Of the file's pages to hold in memory: an agent that waits must stay small."""

_JOB_COLUMNS = ", ".join(f'"{name}"' for name in JobRecord.__struct_fields__)
_RECLAIM_COLUMNS = ", ".join(f'"{name}"' for name in ReclaimRecord.__struct_fields__)
_SCHEMA = f"""
CREATE TABLE jobs (id INTEGER PRIMARY KEY, {_JOB_COLUMNS});
CREATE INDEX jobs_by_time ON jobs (started_at);
CREATE TABLE reclaims (id INTEGER PRIMARY KEY, {_RECLAIM_COLUMNS});
CREATE INDEX reclaims_by_time ON reclaims (at);
CREATE TABLE turned_away (day INTEGER, reason TEXT, clients INTEGER, PRIMARY KEY (day, reason)) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_SENT_BY = "(:user = '' OR user = :user OR host = :user OR user || '@' || host = :user)"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_DAY = 86400

T = TypeVar("T")


class _Unusable(Exception):
    """The file must be set aside; the message says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the journal may hold.

    Attributes:
        jobs, reclaims: records, the newest.
        days: of counts of clients that were turned away.
        size: of the file in bytes; SQLite's log beside it comes on top, about a quarter as much.
    """

    jobs: int = 100_000
    reclaims: int = 10_000
    days: int = 400
    size: int = 16 << 20


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Entries:
    """What is to be written at once.

    Attributes:
        jobs, reclaims: oldest first.
        turned_away: clients by (Unix time of the day's begin, reason).
    """

    jobs: tuple[JobRecord, ...] = ()
    reclaims: tuple[ReclaimRecord, ...] = ()
    turned_away: tuple[tuple[int, str, int], ...] = ()


class JournalFile:
    """The journal's file.

    Args:
        path: where; its folder must exist.
        tell: takes a line for the log.
        bounds: what it may hold.
    """

    def __init__(self, path: Path, tell: Callable[[str], None], bounds: Bounds = BOUNDS) -> None:
        self._path = path
        self._tell = tell
        self._bounds = bounds
        self._open: sqlite3.Connection | None = None
        self._inode = 0

    def write(self, entries: Entries) -> None:
        """Add records, all or none, and let the oldest go where there are too many.

        Raises:
            OSError, sqlite3.Error: nothing was added.
        """
        self._with(lambda db: self._write(db, entries))

    def usages(self, since: float, user: str = "") -> tuple[Usage, ...]:
        """What the jobs of a sender add up to, from `since` (Unix time in seconds) on; "" stands for everybody."""
        query = f"""
            SELECT user, host, project, count(*), total(ran), sum(bytes_in), sum(bytes_out) FROM jobs
            WHERE started_at >= :since AND {_SENT_BY} GROUP BY user, host, project"""
        rows = self._with(lambda db: db.execute(query, {"since": since, "user": user}).fetchall())
        return tuple(Usage(*row) for row in rows)

    def reclaim_ms(self, since: float) -> tuple[float, ...]:
        """How long each reclaim took, in milliseconds, oldest first."""
        query = "SELECT milliseconds FROM reclaims WHERE at >= ? ORDER BY id"
        return tuple(row[0] for row in self._with(lambda db: db.execute(query, (since,)).fetchall()))

    def turned_away(self, since: float) -> dict[str, int]:
        """Clients for which no job began, by reason, of the days that end after `since`."""
        query = "SELECT reason, sum(clients) FROM turned_away WHERE day > ? GROUP BY reason"
        return dict(self._with(lambda db: db.execute(query, (since - _DAY,)).fetchall()))

    def latest_jobs(self, ask: AskHistory, since: float) -> tuple[JobRecord, ...]:
        """The newest jobs that were asked for, newest first."""
        query = f"""
            SELECT {_JOB_COLUMNS} FROM jobs WHERE started_at >= :since AND {_SENT_BY}
            ORDER BY started_at DESC, id DESC LIMIT :limit"""
        values = {"since": since, "user": ask.user, "limit": ask.limit}
        return tuple(JobRecord(*row) for row in self._with(lambda db: db.execute(query, values).fetchall()))

    def latest_reclaims(self, ask: AskHistory, since: float) -> tuple[ReclaimRecord, ...]:
        """The newest reclaims that were asked for, newest first."""
        query = f"SELECT {_RECLAIM_COLUMNS} FROM reclaims WHERE at >= ? ORDER BY at DESC, id DESC LIMIT ?"
        rows = self._with(lambda db: db.execute(query, (since, ask.limit)).fetchall())
        return tuple(ReclaimRecord(*row) for row in rows)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._open is not None:
            with contextlib.suppress(sqlite3.Error):  # what could not be written was refused when it was tried
                self._open.close()
            self._open = None

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` with the open file, and with a fresh one if it turns out that this one cannot be used."""
        try:
            return work(self._usable())
        except _Unusable as wrong:
            self._set_aside(str(wrong))
        except sqlite3.DatabaseError as wrong:
            self.close()
            if wrong.sqlite_errorcode & 0xFF not in _DAMAGED:
                raise
            self._set_aside(str(wrong))
        return work(self._usable())

    def _usable(self) -> sqlite3.Connection:
        """The open connection, or a new one where there is none or where the owner has removed the file."""
        if self._open is not None and self._inode != _inode(self._path):
            self.close()
        if self._open is None:
            self._open = self._connect()
            self._inode = _inode(self._path)
        return self._open

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            self._remove_log()
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Check the file, and make the tables where it is fresh."""
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise _Unusable("the check of its pages failed")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        fresh = version == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        if version != VERSION and not fresh:
            raise _Unusable(f"it is of version {version}, this program writes version {VERSION}")
        (page,) = db.execute("PRAGMA page_size").fetchone()
        db.executescript(f"""
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = NORMAL;
            PRAGMA wal_autocheckpoint = {self._bounds.size // 20 // page};
            PRAGMA journal_size_limit = {self._bounds.size // 10};
            PRAGMA max_page_count = {self._bounds.size // page};
        """)
        if fresh:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    def _write(self, db: sqlite3.Connection, entries: Entries) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            self._make_room(db)
            _insert(db, "jobs", _JOB_COLUMNS, entries.jobs)
            _insert(db, "reclaims", _RECLAIM_COLUMNS, entries.reclaims)
            count = "INSERT INTO turned_away VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET clients = clients + ?3"
            db.executemany(count, entries.turned_away)
            self._prune(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Let the older half of the jobs go when the file is nearly full: rare, and then for long."""
        pages, unused = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        (most,) = db.execute("PRAGMA max_page_count").fetchone()
        if pages - unused > 0.75 * most:
            db.execute("DELETE FROM jobs WHERE id <= (SELECT (min(id) + max(id)) / 2 FROM jobs)")

    def _prune(self, db: sqlite3.Connection) -> None:
        for table, most in (("jobs", self._bounds.jobs), ("reclaims", self._bounds.reclaims)):
            db.execute(f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?", (most,))
        oldest = f"(SELECT max(day) FROM turned_away) - {self._bounds.days * _DAY}"
        db.execute(f"DELETE FROM turned_away WHERE day <= {oldest}")

    def _set_aside(self, why: str) -> None:
        self.close()
        names = (self._path.with_name(f"{self._path.stem}.damaged-{number}") for number in itertools.count(1))
        aside = next(name for name in names if not name.exists())
        self._path.rename(aside)
        self._remove_log()
        self._tell(f"the journal cannot be used ({why}); it now lies in {aside}, and a fresh one begins")

    def _remove_log(self) -> None:
        """A log without its file would be taken for that of the next one."""
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _insert(db: sqlite3.Connection, table: str, columns: str, records: Iterable[msgspec.Struct]) -> None:
    marks = ", ".join("?" for _ in columns.split(","))
    db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", map(msgspec.structs.astuple, records))


def _inode(path: Path) -> int:
    """Which file lies there; 0 for none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
