"""What a machine takes over at its first start: from an earlier version, or from itself under another name."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest

from farmhand.errors import OwnerError
from farmhand.lending.observation import Choice, Wish
from farmhand_agent.inheritance import take_over
from farmhand_agent.memory import Memory

JOURNAL = ("journal.sqlite3", "journal.sqlite3-wal", "journal.damaged-1", "observations.jsonl", "observations.1.jsonl")


class Home:
    """A home that machines share, and their own folders for sockets.

    Args:
        folder: where all of it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old = folder / "farmhand"
        self.old.mkdir()
        self._numbers = itertools.count()

    def before(self, wish: Wish, *blocked: str) -> Memory:
        """What an earlier version has left."""
        memory = Memory(self.old)
        memory.keep_choice(Choice(wish, 1_800_000_000.0))
        memory.keep_blocked(blocked)
        memory.next_epoch(1000)
        for name in JOURNAL:
            (self.old / name).write_text(f"{name} of old")
        return memory

    def state(self, name: str, image: str = "") -> Path:
        key = hashlib.sha256((image or name).encode()).hexdigest()[:12]
        return self.old / "machines" / f"{name}-{key}"

    def start(self, name: str, image: str = "", runtime: str = "") -> Memory:
        """Start an agent.

        Args:
            name: what the farm calls its machine.
            image: machines that were copied from one have the same id; "" for one of its own.
            runtime: the machine's folder for sockets, which is empty when the machine has started; "" for such a one.
        """
        state, socket = self.state(name, image), self.folder / (runtime or f"run-{next(self._numbers)}")
        state.mkdir(parents=True, exist_ok=True)
        socket.mkdir(exist_ok=True)
        take_over(state, socket / "state")
        assert (socket / "state").resolve() == state
        return Memory(state)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


KEEP, LEND = Choice(Wish.KEEP, 1_800_000_000.0), Choice(Wish.LEND, 1_800_000_000.0)


# --- several machines -----------------------------------------------------------
@pytest.mark.parametrize("choice", [KEEP, LEND])
def test_a_choice_is_of_the_machine_on_which_it_was_made(home: Home, choice: Choice) -> None:
    one, _ = home.start("one"), home.start("two")
    one.keep_choice(choice)
    one.keep_blocked(["mallory"])
    assert (home.start("one").choice, home.start("one").blocked) == (choice, ("mallory",))
    for name in ("two", "three"):
        assert (home.start(name).choice, home.start(name).blocked) == (Choice(), ())


def test_copies_of_a_machine_do_not_share_what_is_chosen_later(home: Home) -> None:
    one, _ = home.start("one", "image"), home.start("two", "image")
    one.keep_choice(KEEP)
    assert home.start("one", "image").choice == KEEP
    assert home.start("two", "image").choice == Choice()


# --- an earlier version -----------------------------------------------------------
@pytest.mark.parametrize("wish", [Wish.KEEP, Wish.LEND])
def test_an_upgrade_loses_nothing(home: Home, wish: Wish) -> None:
    before = home.before(wish, "mallory")
    memory, state = home.start("desk"), home.state("desk")
    assert memory.choice == Choice(wish, 1_800_000_000.0)
    assert (memory.blocked, memory.key) == (("mallory",), before.key)
    assert memory.next_epoch() == 1001
    assert {name: (state / name).read_text() for name in JOURNAL} == {name: f"{name} of old" for name in JOURNAL}
    assert (state / "agent.json").stat().st_mode & 0o077 == 0


def test_what_was_chosen_since_is_not_undone_by_the_next_start(home: Home) -> None:
    home.before(Wish.KEEP, "mallory")
    memory = home.start("desk")
    memory.keep_choice(Choice())
    memory.keep_blocked(())
    again = home.start("desk")
    assert (again.choice, again.blocked) == (Choice(), ())


@pytest.mark.parametrize(("wish", "choice"), [(Wish.KEEP, KEEP), (Wish.LEND, Choice())])
def test_nobody_knows_for_which_machine_it_was_so_others_take_what_lends_less(
    home: Home, wish: Wish, choice: Choice
) -> None:
    home.before(wish, "mallory")
    home.start("desk")
    other = home.start("tower")
    assert (other.choice, other.blocked) == (choice, ("mallory",))
    assert not (home.state("tower") / "journal.sqlite3").exists()


def test_a_damaged_choice_keeps_every_machine(home: Home) -> None:
    (home.old / "agent.json").write_bytes(b"{" * 20)
    for name in ("desk", "tower"):
        memory = home.start(name)
        assert memory.choice.wish is Wish.KEEP
        assert memory.trouble


def test_a_choice_that_cannot_be_read_is_the_owners_to_mend(home: Home) -> None:
    (home.old / "agent.json").mkdir()
    with pytest.raises(OwnerError, match=r"cannot read .*agent.json, which holds your choice"):
        home.start("desk")


def test_what_was_cut_off_is_gone_on_with(home: Home) -> None:
    home.before(Wish.LEND)
    in_the_way = home.state("desk") / "agent.new"
    in_the_way.mkdir(parents=True)
    with pytest.raises(OwnerError, match=r"cannot write .*agent.json, which is to hold your choice"):
        home.start("desk")
    assert home.start("tower").choice == Choice(), "it did not come first"
    in_the_way.rmdir()
    assert home.start("desk").choice == LEND
    assert (home.state("desk") / "journal.sqlite3").exists()


# --- another name -----------------------------------------------------------------
def test_a_machine_that_is_renamed_takes_everything_along(home: Home) -> None:
    home.start("desk", "image", "run").keep_choice(LEND)
    (home.state("desk", "image") / "journal.sqlite3").write_text("mine")
    assert home.start("bureau", "image", "run").choice == LEND
    assert (home.state("bureau", "image") / "journal.sqlite3").read_text() == "mine"
    assert home.start("desk", "image", "run").choice == LEND, "and back again"


@pytest.mark.parametrize(("chosen", "found"), [(KEEP, KEEP), (LEND, Choice())])
def test_a_machine_that_wakes_up_under_another_name_keeps_what_lends_less(
    home: Home, chosen: Choice, found: Choice
) -> None:
    memory = home.start("desk", "image")
    memory.keep_choice(chosen)
    memory.keep_blocked(["mallory"])
    again = home.start("dhcp-17", "image")
    assert (again.choice, again.blocked) == (found, ("mallory",))
