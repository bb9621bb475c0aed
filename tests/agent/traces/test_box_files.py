"""The files of a box without namespaces."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from farmhand_agent.traces.box_files import PAGE, Files, remove, used


def test_every_file_counts_a_page_at_least_and_folders_too(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for number in range(10):
        (tmp_path / "folder" / str(number)).touch()
    (tmp_path / "link").symlink_to("/usr")
    assert used(str(tmp_path), 1 << 30) == 12 * PAGE


def test_large_files_count_what_they_take(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(1 << 20))
    (tmp_path / "hollow").touch()
    os.truncate(tmp_path / "hollow", 1 << 30)
    assert 1 << 20 <= used(str(tmp_path), 1 << 30) < 2 << 20


def test_counting_ends_where_the_limit_is_passed(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "never-looked-at").write_bytes(bytes(1 << 20))
    assert used(str(tmp_path), 0) == PAGE


def test_what_cannot_be_counted_is_too_much() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        assert as_an_ordinary_user(lambda: used(folder, 1 << 30) == 0)
        (Path(folder) / "closed").mkdir(mode=0)
        assert as_an_ordinary_user(lambda: used(folder, 1 << 30) > 1 << 30)


def as_an_ordinary_user(question: Callable[[], bool]) -> bool:
    """Ask as somebody who may not look into every folder."""
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setuid(65534)
        os._exit(0 if question() else 1)
    return os.waitpid(child, 0)[1] == 0


def test_a_folder_too_deep_to_be_named_is_too_much(tmp_path: Path) -> None:
    deep(tmp_path, 60)
    assert used(str(tmp_path), 1 << 30) > 1 << 30
    remove(str(tmp_path / "deep"))


def deep(folder: Path, levels: int) -> None:
    """Make a folder `deep` with so many in it that no path reaches the last."""
    here = os.getcwd()
    os.chdir(folder)
    try:
        for name in ("deep", *("d" * 100,) * levels):
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.chdir(here)


def test_what_is_gone_counts_nothing(tmp_path: Path) -> None:
    assert used(str(tmp_path / "gone"), 1) == 0


def test_files_may_take_their_room_and_no_more(tmp_path: Path) -> None:
    files = Files(str(tmp_path), 4 << 20)
    (tmp_path / "one").write_bytes(os.urandom(3 << 20))
    os.sync()
    assert not files.overfull()
    (tmp_path / "two").write_bytes(os.urandom(3 << 20))
    (tmp_path / "three").write_bytes(os.urandom(64 << 20))  # more than others can have freed meanwhile
    os.sync()
    assert files.overfull()


def test_a_folder_that_was_taken_away_ends_the_box(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    files = Files(str(tmp_path / "box"), 1)
    (tmp_path / "box").rmdir()
    assert files.overfull()


def test_others_may_fill_the_same_disk(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    files = Files(str(tmp_path / "box"), 1 << 20)
    (tmp_path / "others").write_bytes(os.urandom(64 << 20))
    os.sync()
    assert not files.overfull()


@pytest.mark.parametrize("closed", [False, True])
def test_a_folder_goes_with_all_that_a_job_has_made_of_it(tmp_path: Path, closed: bool) -> None:
    kept = tmp_path / "kept"
    kept.write_text("the owner's")
    box = tmp_path / "box"
    (box / "folder").mkdir(parents=True)
    (box / "folder" / "file").touch()
    (box / "link").symlink_to(kept)
    (box / "up").symlink_to("..")
    deep(box, 60)
    if closed:
        (box / "folder").chmod(0)
    remove(str(box))
    assert not box.exists()
    assert kept.read_text() == "the owner's"
    remove(str(box))
