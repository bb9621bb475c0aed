from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest

from farmhand.errors import OwnerError
from farmhand.registry import audit
from farmhand.registry.audit import Audit
from farmhand.scheduling.requests import Change, What

CAME = Change(What.CAME, "desk", "10.0.0.1:3632")


def rows(folder: Path) -> list[tuple[object, ...]]:
    database = sqlite3.connect(folder / "audit.sqlite3")
    found = database.execute("SELECT time, instance, what, name, detail FROM audit ORDER BY id").fetchall()
    database.close()
    return found


def test_comings_and_goings_are_written_down(tmp_path: Path) -> None:
    book = Audit(tmp_path / "made" / "for it", "run", clock=lambda: 7.0)
    book.note(CAME)
    book.note(Change(What.CHANGED, "desk"))
    book.note(Change(What.DIVIDED))
    book.note(Change(What.LEFT, "desk"))
    book.close()
    assert rows(tmp_path / "made" / "for it") == [
        (7.0, "run", "host came", "desk", "10.0.0.1:3632"),
        (7.0, "run", "host left", "desk", ""),
    ]


def test_it_goes_on_where_the_last_run_ended(tmp_path: Path) -> None:
    for run in ("one", "two"):
        book = Audit(tmp_path, run)
        book.note(CAME)
        book.close()
    assert [row[1] for row in rows(tmp_path)] == ["one", "two"]


def test_only_the_newest_lines_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MAX_ROWS", 3)
    book = Audit(tmp_path, "run")
    for name in "abcde":
        book.note(Change(What.CAME, name))
    book.close()
    assert [row[3] for row in rows(tmp_path)] == ["c", "d", "e"]


def test_a_disk_that_takes_nothing_is_told_once_and_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = Audit(tmp_path, "run")
    other = sqlite3.connect(tmp_path / "audit.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.WARNING):
        book.note(CAME)
        book.flush()
        book.flush()
    assert len(caplog.records) == 1
    other.execute("ROLLBACK")
    other.close()
    book.close()
    assert [row[3] for row in rows(tmp_path)] == ["desk"]


def test_lines_that_wait_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MAX_WAITING", 2)
    book = Audit(tmp_path, "run")
    for name in "abc":
        book.note(Change(What.CAME, name))
    book.close()
    assert [row[3] for row in rows(tmp_path)] == ["b", "c"]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OwnerError, match=r"cannot keep its state in .*file"):
        Audit(tmp_path / "file", "run")


def test_a_file_that_is_no_database_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "audit.sqlite3").write_text("my diary, which is long enough to be no empty database file" * 20)
    with pytest.raises(OwnerError, match="not a database"):
        Audit(tmp_path, "run")
    assert "my diary" in (tmp_path / "audit.sqlite3").read_text()
