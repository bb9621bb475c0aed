"""One agent for one runtime folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from farmhand.errors import OwnerError
from farmhand_agent.single import only_one

HOLD = """
import sys
from pathlib import Path
from farmhand_agent.single import only_one
lock = only_one(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_refused_and_told_which_process_is_the_first(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(OwnerError, match=rf"process {os.getpid()}\b.*farmhand status"):
        only_one(tmp_path)


def test_the_message_names_the_holder_even_after_an_earlier_one_with_a_longer_pid(tmp_path: Path) -> None:
    (tmp_path / "agent.lock").write_text("4194303999\n")
    with only_one(tmp_path), pytest.raises(OwnerError, match=rf"process {os.getpid()}\)"):
        only_one(tmp_path)


def test_a_clean_end_frees_it(tmp_path: Path) -> None:
    only_one(tmp_path).close()
    only_one(tmp_path).close()


def test_another_folder_is_another_agent(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with only_one(tmp_path), only_one(tmp_path / "other"):
        pass


def test_a_killed_holder_leaves_nothing_to_clean_up(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OwnerError, match=rf"process {holder.pid}\b"):
            only_one(tmp_path)
        holder.kill()
    only_one(tmp_path).close()
