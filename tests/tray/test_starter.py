"""Starting the agent: through the service manager where it knows it, by hand where not."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from farmhand_tray.starter import AgentStarter, find_program


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


class Manager:
    """A service manager that notes what it is told."""

    def __init__(self, folder: Path, knows: bool, starts: bool = True) -> None:
        self.log = folder / "manager.log"
        self.log.touch()
        self.program = script(
            folder / "systemctl",
            f'echo "$@" >> {self.log}\n'
            f'case "$2" in cat) exit {0 if knows else 1};; start) echo "Job failed."; exit {0 if starts else 1};; esac',
        )

    @property
    def told(self) -> list[str]:
        return self.log.read_text().splitlines()


CAT, START = "--user cat farmhand-agent.service", "--user start farmhand-agent.service"


@pytest.fixture
def agent_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that appears when the agent's program was started."""
    proof = tmp_path / "runs"
    script(tmp_path / "bin" / "farmhand-agent", f": > {proof}")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "bin" / "farmhand-tray")])
    monkeypatch.setattr("sys.executable", str(tmp_path / "elsewhere" / "python"))
    return proof


def test_a_known_unit_is_started(qtbot: QtBot, tmp_path: Path, agent_runs: Path) -> None:
    manager = Manager(tmp_path, knows=True)
    starter = AgentStarter(str(manager.program))
    starter.start()
    starter.start()
    qtbot.waitUntil(lambda: manager.told == [CAT, START])
    qtbot.waitUntil(lambda: not starter.busy)
    assert not agent_runs.exists()

    starter.start()
    assert manager.told == [CAT, START]
    starter.start(by_hand=True)
    qtbot.waitUntil(lambda: manager.told == [CAT, START, CAT, START])
    qtbot.waitUntil(lambda: not starter.busy)


def test_a_unit_that_cannot_start_is_reported(qtbot: QtBot, tmp_path: Path) -> None:
    starter = AgentStarter(str(Manager(tmp_path, knows=True, starts=False).program))
    with qtbot.waitSignal(starter.failed) as told:
        starter.start()
    assert told.args == ["It cannot be started: systemctl says: Job failed."]


def test_without_a_unit_the_program_is_started(qtbot: QtBot, tmp_path: Path, agent_runs: Path) -> None:
    starter = AgentStarter(str(Manager(tmp_path, knows=False).program))
    starter.start()
    qtbot.waitUntil(agent_runs.exists)


def test_without_a_service_manager_the_program_is_started(qtbot: QtBot, tmp_path: Path, agent_runs: Path) -> None:
    starter = AgentStarter(str(tmp_path / "no-systemctl"))
    starter.start()
    qtbot.waitUntil(agent_runs.exists)


def test_a_missing_program_is_reported(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [str(tmp_path / "farmhand-tray")])
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    starter = AgentStarter(str(tmp_path / "no-systemctl"))
    with qtbot.waitSignal(starter.failed) as told:
        starter.start()
    assert told.args == ["It cannot be started: the program farmhand-agent is not installed."]


def test_a_program_that_does_not_run_is_reported(qtbot: QtBot, tmp_path: Path, agent_runs: Path) -> None:
    (tmp_path / "bin" / "farmhand-agent").write_text("#!/nonexistent/interpreter\n")
    starter = AgentStarter(str(tmp_path / "no-systemctl"))
    with qtbot.waitSignal(starter.failed):
        starter.start()


def test_the_program_beside_ours_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = script(tmp_path / "beside" / "farmhand-agent", "")
    on_path = script(tmp_path / "path" / "farmhand-agent", "")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_program([tmp_path, beside.parent]) == str(beside)
    assert find_program([tmp_path]) == str(on_path)
