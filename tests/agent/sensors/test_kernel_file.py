"""Files of the kernel's that are read again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmhand_agent.sensors.kernel_file import PART, KernelFile


def test_each_reading_tells_what_is_there_now(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu 1\n")
    with KernelFile(tmp_path / "stat") as file:
        assert file.read() == "cpu 1\n"
        (tmp_path / "stat").write_text("cpu 22\n")
        assert file.read() == "cpu 22\n"


def test_a_long_one_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "diskstats").write_text("x" * (2 * PART + 1))
    with KernelFile(tmp_path / "diskstats") as file:
        assert len(file.read()) == 2 * PART + 1


def test_the_kernel_gives_its_own_page_by_page() -> None:
    with KernelFile(Path("/proc/crypto")) as file:
        assert file.read() == Path("/proc/crypto").read_text()


def test_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KernelFile(tmp_path / "stat")
