"""Where files lie: the programs of one user meet, and nobody else can be in their place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from farmhand.errors import OwnerError
from farmhand.links import places
from farmhand.links.machine_id import machine_key

STRANGER = 64321
SAY = "from farmhand.links import places; print(places.runtime_folder(), places.agent_socket())"


class Machine:
    """The folders of a machine's users, as far as they concern this one."""

    def __init__(self, folder: Path) -> None:
        self.sessions, self.shared = folder / "run", folder / "tmp"
        self.sessions.mkdir()
        self.shared.mkdir()
        self.of_session = self.sessions / str(os.getuid())
        self.otherwise = self.shared / f"farmhand-{os.getuid()}"

    def log_in(self) -> None:
        self.of_session.mkdir(0o700)

    def place(self, **environment: str) -> Path:
        return places.runtime_place(environment, self.sessions, self.shared)

    def start_agent(self, **environment: str) -> Path:
        """An agent as far as others can see it."""
        folder = self.place(**environment)
        folder.mkdir()
        (folder / places.SOCKET).touch()
        return folder


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# --- the folder of sockets and locks --------------------------------------------
def test_a_session_has_a_folder_for_it(machine: Machine) -> None:
    assert machine.place(XDG_RUNTIME_DIR="/run/mine") == Path("/run/mine/farmhand")


def test_cron_and_su_find_the_folder_of_the_session(machine: Machine) -> None:
    machine.log_in()
    agent = machine.start_agent(XDG_RUNTIME_DIR=str(machine.of_session))
    assert agent == machine.of_session / "farmhand"
    assert machine.place() == agent


def test_who_has_no_session_has_a_folder_all_the_same(machine: Machine) -> None:
    assert machine.place() == machine.otherwise


def test_an_agent_that_began_before_the_session_is_found_from_it(machine: Machine) -> None:
    agent = machine.start_agent()
    machine.log_in()
    assert machine.place(XDG_RUNTIME_DIR=str(machine.of_session)) == agent
    assert machine.place() == agent


def test_who_names_another_folder_is_alone_there(machine: Machine) -> None:
    machine.start_agent()
    machine.log_in()
    assert machine.place(XDG_RUNTIME_DIR="/run/mine") == Path("/run/mine/farmhand")


@pytest.mark.parametrize("told", ["", "run/mine"])
def test_what_is_no_absolute_path_counts_as_nothing(machine: Machine, told: str) -> None:
    assert machine.place(XDG_RUNTIME_DIR=told) == machine.otherwise


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make folders of others")
def test_a_session_of_somebody_else_is_not_ours(machine: Machine) -> None:
    machine.log_in()
    os.chown(machine.of_session, STRANGER, STRANGER)
    assert machine.place() == machine.otherwise


# --- privacy --------------------------------------------------------------------
@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "farmhand"


def test_a_folder_is_made_for_the_owner_alone(run: Path) -> None:
    assert places.runtime_folder() == run
    assert run.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_could_read_is_closed(run: Path) -> None:
    run.mkdir(0o777)
    run.chmod(0o777)
    assert places.runtime_folder().stat().st_mode & 0o777 == 0o700


def test_a_link_that_somebody_laid_is_not_followed(run: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir(0o755)
    run.symlink_to(tmp_path / "precious")
    for use in (places.runtime_folder, places.agent_socket):
        with pytest.raises(OwnerError, match="belongs to another user"):
            use()
    assert (tmp_path / "precious").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to make folders of others")
def test_a_folder_of_somebody_else_is_not_used(run: Path) -> None:
    run.mkdir(0o700)
    os.chown(run, STRANGER, STRANGER)
    for use in (places.runtime_folder, places.agent_socket):
        with pytest.raises(OwnerError, match="belongs to another user"):
            use()


def test_who_only_looks_for_the_agent_makes_nothing(run: Path) -> None:
    assert places.agent_socket() == run / "agent.sock"
    assert not run.exists()


def test_an_owner_may_link_the_folder_of_their_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "farmhand").symlink_to(tmp_path / "elsewhere")
    folder = places.state_folder("desk")
    assert folder == tmp_path / "elsewhere" / "machines" / machine_key("desk")
    for each in (folder, tmp_path / "elsewhere"):
        assert each.stat().st_mode & 0o777 == 0o700


# --- a home of several machines -------------------------------------------------
def test_each_machine_has_a_state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert len({places.state_folder(name) for name in ("desk", "tower", "desk")}) == 2


def test_the_state_of_an_agent_is_found_whatever_it_was_called(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert places.known_state_folder("desk") == tmp_path / "farmhand" / "machines" / machine_key("desk")
    state = places.state_folder("tower")
    places.runtime_folder()
    run.joinpath(places.STATE_LINK).symlink_to(state)
    assert places.known_state_folder("desk") == state


# --- as programs ----------------------------------------------------------------
@pytest.fixture
def left_over() -> Iterator[None]:
    """The folder in which programs without a session meet, removed again if it was not there."""
    folder = places.runtime_place({})
    was_there = folder.exists()
    yield
    if not was_there and folder.exists():
        folder.rmdir()


def test_without_a_session_nothing_is_said_and_everybody_meets(left_over: None, tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    said = [
        subprocess.run(
            [sys.executable, "-c", SAY], env={**kept, **more}, capture_output=True, text=True, check=True, timeout=60
        )
        for more in ({}, {"TMPDIR": str(tmp_path)})
    ]
    assert [one.stderr for one in said] == ["", ""]
    assert said[0].stdout == said[1].stdout
    assert Path(said[0].stdout.split()[0]).stat().st_mode & 0o777 == 0o700
