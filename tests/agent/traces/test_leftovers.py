"""What a crash left is found by identity and ended; nothing else is."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fakes.marked import marked_sleeper

from farmhand_agent.traces import marks
from farmhand_agent.traces.leftovers import Identity, Leftovers, Trace, identify


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stays until somebody ends it."""
    made = subprocess.Popen(["sleep", "600"])
    yield made
    made.kill()
    made.wait()


def identity(pid: int) -> Identity:
    found = identify(pid)
    assert found is not None
    return found


async def test_what_an_earlier_life_left_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    Leftovers(tmp_path / "boxes.json").add([sleeper.pid])
    assert await Leftovers(tmp_path / "boxes.json").clear() == 1
    assert sleeper.poll() == -9, "clear has waited for the end"


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}])
async def test_a_stranger_with_the_same_number_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    file = tmp_path / "boxes.json"
    stranger = msgspec.structs.replace(identity(sleeper.pid), **change)
    file.write_bytes(msgspec.json.encode({"processes": [stranger]}))
    assert await Leftovers(file).clear() == 0
    assert sleeper.poll() is None


async def test_what_has_ended_is_forgotten(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    before = Leftovers(tmp_path / "boxes.json")
    before.remove(before.add([sleeper.pid]))
    assert await Leftovers(tmp_path / "boxes.json").clear() == 0
    assert sleeper.poll() is None


async def test_the_rest_is_remembered_when_one_is_gone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    before = Leftovers(tmp_path / "boxes.json")
    mine = before.add([os.getpid()])
    before.add([sleeper.pid])
    before.remove(mine)
    assert await Leftovers(tmp_path / "boxes.json").clear() == 1


async def test_what_is_cleared_is_cleared_once(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    Leftovers(tmp_path / "boxes.json").add([sleeper.pid])
    await Leftovers(tmp_path / "boxes.json").clear()
    assert await Leftovers(tmp_path / "boxes.json").clear() == 0


async def test_a_process_that_is_gone_already_is_no_trouble(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    leftovers = Leftovers(tmp_path / "boxes.json")
    leftovers.add([sleeper.pid])
    sleeper.kill()
    sleeper.wait()
    assert leftovers.add([sleeper.pid]) == frozenset()
    assert await Leftovers(tmp_path / "boxes.json").clear() == 0


DAMAGED = (
    "",
    "[",
    "[]",
    "{}",
    '{"processes": [{"pid": "x"}]}',
    '{"processes": [{"pid": -1, "started": 1, "boot": "b"}]}',
    '{"traces": [{"folder": 1}]}',
)


@pytest.mark.parametrize("text", DAMAGED)
async def test_a_damaged_file_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "boxes.json").write_text(text)
    assert await Leftovers(tmp_path / "boxes.json").clear() == 0


async def test_no_file_no_leftovers(tmp_path: Path) -> None:
    assert await Leftovers(tmp_path / "boxes.json").clear() == 0


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    Leftovers(tmp_path / "boxes.json").add([os.getpid()])
    assert stat.S_IMODE((tmp_path / "boxes.json").stat().st_mode) == 0o600


def test_a_name_with_brackets_and_blanks_does_not_confuse(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("b\n")
    rest = " ".join(str(number) for number in range(4, 40))
    (tmp_path / "7" / "stat").write_text(f"7 (a) b (c) S {rest}\n")
    assert identify(7, tmp_path) == Identity(7, 22, "b")


async def test_a_box_that_leaves_a_trace_is_found_by_its_mark_and_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    (folder / "deep" / "deeper").mkdir(parents=True)
    trace = Trace(str(folder), marks.new_mark())
    with marked_sleeper(trace.mark) as mine, marked_sleeper(trace.mark + 1) as other:
        Leftovers(tmp_path / "boxes.json").add([], [trace])
        assert await Leftovers(tmp_path / "boxes.json").clear() == 1
        assert mine.wait(30) == -9
        assert other.poll() is None
    assert not folder.exists()
    assert await Leftovers(tmp_path / "boxes.json").clear() == 0


async def test_a_trace_is_forgotten_with_its_box(tmp_path: Path) -> None:
    trace = Trace(str(tmp_path / "box"), marks.new_mark())
    (tmp_path / "box").mkdir()
    before = Leftovers(tmp_path / "boxes.json")
    before.remove(before.add([], [trace]))
    assert await Leftovers(tmp_path / "boxes.json").clear() == 0
    assert (tmp_path / "box").exists()
