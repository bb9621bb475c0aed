"""Machines are told apart by their names and their ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from farmhand.links.machine_id import machine_key, same_machine

ID = "0123456789abcdef0123456789abcdef"
"""Of a machine, as machine-id(5) has it."""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    file = tmp_path / "machine-id"
    file.write_text(f"{ID}\n")
    return file


def copy_with(machine: Path, text: str) -> Path:
    file = machine.with_name("other-id")
    file.write_text(text)
    return file


def test_a_key_stays(machine: Path) -> None:
    assert machine_key("desk", (machine,)) == machine_key("desk", (machine,))


def test_machines_with_one_name_are_told_apart_by_their_ids(machine: Path) -> None:
    other = copy_with(machine, ID[::-1])
    one, two = machine_key("desk", (machine,)), machine_key("desk", (other,))
    assert one != two
    assert not same_machine(one, two)


def test_copies_of_a_machine_are_told_apart_by_their_names(machine: Path) -> None:
    one, two = machine_key("desk", (machine,)), machine_key("desk-2", (machine,))
    assert one != two
    assert same_machine(one, two), "as far as their ids tell"


def test_the_id_itself_is_shown_to_nobody(machine: Path) -> None:
    assert not any(ID[at : at + 8] in machine_key("desk", (machine,)) for at in range(len(ID) - 7))


@pytest.mark.parametrize("text", ["", "\n", "uninitialized\n"])
def test_a_machine_that_has_no_id_yet_is_told_by_its_name(machine: Path, text: str) -> None:
    unknown = copy_with(machine, text)
    assert machine_key("desk", (unknown,)) == machine_key("desk", (Path("/nonexistent"),))
    assert machine_key("desk", (unknown, machine)) == machine_key("desk", (machine,)), "D-Bus may know it"


@pytest.mark.parametrize("name", ["desk", "d" * 253, "fd98::2", "10.1.0.3", "a.b-c"])
def test_a_key_can_name_a_folder(machine: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / machine_key(name, (machine,))).mkdir()


def test_long_names_are_told_apart(machine: Path) -> None:
    assert machine_key("d" * 253, (machine,)) != machine_key("d" * 252, (machine,))
