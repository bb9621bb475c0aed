"""What survives a restart of the agent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.limits import largest_file

from farmhand.errors import OwnerError
from farmhand.lending.observation import Choice, Wish
from farmhand_agent.memory import Memory

DAY = 86400.0


def test_a_first_start_remembers_nothing(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert memory.choice == Choice()
    assert memory.next_epoch() == 1


def test_a_choice_is_there_after_a_restart(tmp_path: Path) -> None:
    Memory(tmp_path).keep_choice(Choice(Wish.KEEP, 1234.5))
    assert Memory(tmp_path).choice == Choice(Wish.KEEP, 1234.5)


# --- spans --------------------------------------------------------------------
SPAN = 7200.0
LEFT_AT = 1_800_000_000.0
"""Unix seconds at which the span is chosen, when the machine has been up for 5000 s."""


def started(folder: Path, boot: str, age: float, wall: float) -> Memory:
    """What an agent remembers that starts when the machine has been up for `age`."""
    return Memory(folder, boot, lambda: age, lambda: wall)


@pytest.fixture
def chosen(tmp_path: Path) -> Callable[[Wish], Path]:
    def choose(wish: Wish) -> Path:
        started(tmp_path, "monday", 5000.0, LEFT_AT).keep_choice(Choice(wish, ends=5000.0 + SPAN))
        return tmp_path

    return choose


@pytest.mark.parametrize("wish", [Wish.LEND, Wish.KEEP])
@pytest.mark.parametrize("jump", [-2 * DAY, 0.0, 2 * DAY])
def test_an_agent_that_starts_again_ends_a_span_when_it_is_over_wherever_the_clock_was_set(
    chosen: Callable[[Wish], Path], wish: Wish, jump: float
) -> None:
    choice = started(chosen(wish), "monday", 5600.0, LEFT_AT + 600 + jump).choice
    assert choice == Choice(wish, ends=5000.0 + SPAN)


@pytest.mark.parametrize(
    ("wish", "jump", "left"),
    [
        (Wish.LEND, 0.0, SPAN - 600),
        (Wish.LEND, -2 * DAY, SPAN),
        (Wish.LEND, 2 * DAY, SPAN - 600 - 2 * DAY),
        (Wish.KEEP, 0.0, SPAN),
        (Wish.KEEP, 2 * DAY, SPAN),
        (Wish.KEEP, -DAY / 100, SPAN - 600 + DAY / 100),
    ],
)
def test_after_a_start_of_the_machine_the_end_that_lends_less_counts(
    chosen: Callable[[Wish], Path], wish: Wish, jump: float, left: float
) -> None:
    folder, wall = chosen(wish), LEFT_AT + 600 + jump
    choice = started(folder, "tuesday", 40.0, wall).choice
    assert choice.ends_at(wall - 40.0, 0.0) == pytest.approx(40.0 + left)
    started(folder, "tuesday", 50.0, wall).keep_choice(choice)
    assert started(folder, "tuesday", 60.0, wall).choice == choice, "it stays so through restarts of the agent"


def test_a_second_start_of_the_machine_keeps_the_end_by_the_clock(chosen: Callable[[Wish], Path]) -> None:
    folder = chosen(Wish.LEND)
    choice = started(folder, "tuesday", 40.0, LEFT_AT + 600).choice
    started(folder, "tuesday", 50.0, LEFT_AT + 610).keep_choice(choice)
    assert started(folder, "wednesday", 40.0, LEFT_AT - DAY).choice.until == LEFT_AT + SPAN


def test_where_the_kernel_does_not_tell_its_starts_apart_each_may_be_another(chosen: Callable[[Wish], Path]) -> None:
    folder = chosen(Wish.KEEP)
    started(folder, "", 5000.0, LEFT_AT).keep_choice(Choice(Wish.LEND, ends=5000.0 + SPAN))
    assert started(folder, "", 40.0, LEFT_AT).choice == Choice(Wish.LEND, LEFT_AT + SPAN, ends=40.0 + SPAN)


def test_a_choice_without_a_span_forgets_the_one_before(chosen: Callable[[Wish], Path]) -> None:
    folder = chosen(Wish.KEEP)
    started(folder, "monday", 5100.0, LEFT_AT).keep_choice(Choice(Wish.KEEP))
    assert started(folder, "monday", 5200.0, LEFT_AT).choice == Choice(Wish.KEEP)


# --- starts -------------------------------------------------------------------
def test_every_start_has_a_larger_number_and_keeps_the_choice(tmp_path: Path) -> None:
    Memory(tmp_path).keep_choice(Choice(Wish.LEND))
    assert [Memory(tmp_path).next_epoch() for _ in range(3)] == [1, 2, 3]
    assert Memory(tmp_path).choice == Choice(Wish.LEND)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\0" * 100,
        b"{",
        b'{"epoch": "x"}',
        b'{"wish": "steal"}',
        b'{"key": "short"}',
        b"[]",
        b'{"epoch": 1}\xff',
        b'"\xff"',
    ],
)
def test_who_cannot_remember_keeps_the_machine_and_says_so_until_its_owner_chooses(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "agent.json").write_bytes(damage)
    memory = Memory(tmp_path)
    assert memory.choice == Choice(Wish.KEEP)
    assert "agent.json was damaged" in caplog.text
    assert (tmp_path / "agent.damaged").read_bytes() == damage, "nothing of it is lost"
    assert memory.next_epoch() == 1
    later = Memory(tmp_path)
    assert later.next_epoch() == 2
    assert later.choice == Choice(Wish.KEEP)
    assert later.trouble == memory.trouble != ""
    later.keep_choice(Choice())
    assert later.trouble == Memory(tmp_path).trouble == ""
    assert Memory(tmp_path).choice == Choice()


def test_a_damaged_file_on_a_full_disk_is_found_again_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "agent.json").write_bytes(b"{" * 20)
    with largest_file(3):
        assert Memory(tmp_path).choice == Choice(Wish.KEEP)
    again = Memory(tmp_path)
    assert (again.choice, again.trouble != "") == (Choice(Wish.KEEP), True)
    assert (tmp_path / "agent.damaged").read_bytes() == b"{" * 20


def test_whoever_remembers_is_in_no_trouble(tmp_path: Path) -> None:
    assert Memory(tmp_path).trouble == ""
    Memory(tmp_path).keep_choice(Choice(Wish.KEEP))
    assert Memory(tmp_path).trouble == ""


def test_a_memory_that_cannot_be_read_is_the_owners_to_mend(tmp_path: Path) -> None:
    (tmp_path / "agent.json").mkdir()
    with pytest.raises(OwnerError, match=r"cannot read .*agent.json, which holds your choice: Is a directory"):
        Memory(tmp_path)


def test_what_a_crash_left_half_written_is_not_read(tmp_path: Path) -> None:
    Memory(tmp_path).keep_choice(Choice(Wish.LEND))
    (tmp_path / "agent.new").write_bytes(b'{"epoch": 9')
    assert Memory(tmp_path).choice == Choice(Wish.LEND)
    assert Memory(tmp_path).next_epoch() == 1


def test_a_full_disk_keeps_nobody_from_choosing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory(tmp_path)
    memory.keep_choice(Choice(Wish.LEND))
    with largest_file(3):
        memory.keep_choice(Choice(Wish.KEEP))
    assert memory.choice == Choice(Wish.KEEP)
    assert "your choice holds until the agent ends" in caplog.text
    assert Memory(tmp_path).choice == Choice(Wish.LEND), "the old file is whole"


def test_on_a_full_disk_no_number_is_given_out_twice_because_none_is_given_out(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    with largest_file(3), pytest.raises(OwnerError, match=r"cannot write .*agent.json \(File too large\)"):
        memory.next_epoch()


def test_the_key_stays_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.next_epoch()
    assert Memory(tmp_path).key == memory.key
    assert len(bytes.fromhex(memory.key)) == 32
    assert (tmp_path / "agent.json").stat().st_mode & 0o077 == 0


def test_a_start_is_later_than_the_clock_says_and_than_the_one_before(tmp_path: Path) -> None:
    assert Memory(tmp_path).next_epoch(at_least=1000) == 1000
    assert Memory(tmp_path).next_epoch(at_least=500) == 1001


RAISE_EPOCHS = """
import sys
from collections.abc import Callable
from pathlib import Path
from farmhand_agent.memory import Memory
memory = Memory(Path(sys.argv[1]))
while True:
    print(memory.next_epoch(), flush=True)
"""


def test_a_number_that_was_given_out_is_never_given_out_again_not_even_after_a_kill(tmp_path: Path) -> None:
    seen: list[int] = []
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", RAISE_EPOCHS, tmp_path], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        with writer.stdout as numbers:
            seen += [int(numbers.readline()) for _ in range(20)]
            os.kill(writer.pid, signal.SIGKILL)
            seen += [int(line) for line in numbers if line.endswith("\n")]
        writer.wait()
    assert seen == sorted(set(seen))


def test_whom_the_owner_keeps_out_is_remembered(tmp_path: Path) -> None:
    assert Memory(tmp_path).blocked == ()
    Memory(tmp_path).keep_blocked({"ben", "anna@ws2"})
    assert Memory(tmp_path).blocked == ("anna@ws2", "ben")
