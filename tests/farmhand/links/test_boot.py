"""The clock that began with the machine's start."""

from __future__ import annotations

import time
from pathlib import Path

from farmhand.links.boot import boot_id, since_boot, slept


def test_it_goes_on_like_the_monotonic_clock_and_is_ahead_by_what_was_slept() -> None:
    before = time.monotonic()
    asleep = slept()
    assert asleep > -1e-3
    assert before <= since_boot() - asleep <= time.monotonic() + 1e-3


def test_one_start_of_the_machine_has_one_name() -> None:
    assert boot_id() == boot_id() != ""


def test_a_kernel_that_does_not_name_its_start(tmp_path: Path) -> None:
    assert boot_id(tmp_path / "missing") == ""
