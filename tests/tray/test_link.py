"""The link to the agent: always a snapshot or a reason why there is none."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import fake_agent
from fakes.fake_agent import KEPT, LENT, FakeAgent
from PySide6.QtCore import QProcess
from pytestqt.qtbot import QtBot

from farmhand.wire import codec
from farmhand.wire.local import Choose, Done, Explain, Quit, Snapshot
from farmhand_tray.link import AgentLink
from farmhand_tray.view import Absence


class Ear:
    """Remembers what a link reports."""

    def __init__(self, link: AgentLink) -> None:
        self.snapshots: list[Snapshot | None] = []
        self.absences: list[Absence] = []
        self.answers: list[str] = []
        link.snapshot.connect(self.snapshots.append)
        link.absence.connect(self.absences.append)
        link.answered.connect(self.answers.append)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.sock"


@pytest.fixture
def link(qtbot: QtBot, path: Path) -> Iterator[AgentLink]:
    one = AgentLink(path)
    yield one
    one.end()
    one.deleteLater()


def test_first_comes_the_whole_state_then_its_changes(qtbot: QtBot, link: AgentLink, path: Path) -> None:
    ear = Ear(link)
    with FakeAgent(path) as agent:
        link.begin()
        qtbot.waitUntil(lambda: ear.snapshots == [KEPT])
        agent.show(LENT)
        qtbot.waitUntil(lambda: ear.snapshots == [KEPT, LENT])
    qtbot.waitUntil(lambda: ear.snapshots == [KEPT, LENT, None])
    assert ear.absences == [Absence()]


def test_a_request_is_sent_and_its_answer_heard(qtbot: QtBot, link: AgentLink, path: Path) -> None:
    ear = Ear(link)
    with FakeAgent(path) as agent:
        agent.refuses = "not today"
        link.begin()
        qtbot.waitUntil(lambda: link.connected)
        assert link.send(Choose("keep"))
        assert agent.requests.get(timeout=30) == Choose("keep")
        qtbot.waitUntil(lambda: ear.answers == ["not today"])


def test_nobody_hears_a_request_while_the_agent_is_away(qtbot: QtBot, link: AgentLink) -> None:
    assert not link.send(Choose("keep"))


def test_the_agent_is_started_once_and_then_waited_for(qtbot: QtBot, path: Path) -> None:
    starts: list[int] = []
    link = AgentLink(path, lambda: starts.append(1))
    ear = Ear(link)
    link.begin()
    qtbot.waitUntil(lambda: len(starts) == 1)
    with FakeAgent(path):
        qtbot.waitUntil(lambda: ear.snapshots == [None, KEPT])
        assert starts == [1]
    link.end()


def test_it_starts_an_agent_and_survives_its_death(qtbot: QtBot, path: Path) -> None:
    program = [str(Path(fake_agent.__file__)), str(path)]
    repository = Path(fake_agent.__file__).parents[2]
    os.environ["PYTHONPATH"] = str(repository)
    link = AgentLink(path, lambda: QProcess.startDetached(sys.executable, program))
    ear = Ear(link)
    try:
        link.begin()
        qtbot.waitUntil(lambda: ear.snapshots == [None, KEPT], timeout=60000)
        os.kill(int(path.with_suffix(".pid").read_text()), signal.SIGKILL)
        qtbot.waitUntil(lambda: ear.snapshots == [None, KEPT, None, KEPT], timeout=60000)
    finally:
        link.send(Quit())
        qtbot.waitUntil(lambda: not path.exists(), timeout=60000)
        link.end()
        del os.environ["PYTHONPATH"]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\n",
        b"hello\n",
        b"{}\n",
        b'{"type":"snapshot"}\n',
        b'{"type":"done","problem":"","more":1}\n',
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
    ],
)
def test_rubbish_is_an_agent_of_another_version(qtbot: QtBot, link: AgentLink, path: Path, rubbish: bytes) -> None:
    ear = Ear(link)
    with FakeAgent(path) as agent:
        link.begin()
        qtbot.waitUntil(lambda: ear.snapshots == [KEPT])
        agent.say(rubbish)
        qtbot.waitUntil(lambda: ear.snapshots[:2] == [KEPT, None])
        assert ear.absences[0].stranger
        assert "the agent" in ear.absences[0].detail
        qtbot.waitUntil(lambda: ear.snapshots[-1] == KEPT)


def test_a_line_without_an_end_is_cut_short(qtbot: QtBot, link: AgentLink, path: Path) -> None:
    ear = Ear(link)
    with FakeAgent(path) as agent:
        link.begin()
        qtbot.waitUntil(lambda: link.connected)
        agent.say(b"x" * (codec.MAX_MESSAGE + 4096))
        qtbot.waitUntil(lambda: len(ear.absences) == 1)
        assert ear.absences == [Absence(True, "the agent sent a line without an end")]


def test_a_flood_costs_few_repaints(qtbot: QtBot, link: AgentLink, path: Path) -> None:
    ear = Ear(link)
    with FakeAgent(path) as agent:
        link.begin()
        qtbot.waitUntil(lambda: ear.snapshots == [KEPT])
        agent.say(codec.encode_line(KEPT) * 500 + codec.encode_line(LENT))
        qtbot.waitUntil(lambda: ear.snapshots[-1] == LENT)
        assert len(ear.snapshots) < 100


def test_answers_alone_are_no_news(qtbot: QtBot, link: AgentLink, path: Path) -> None:
    ear = Ear(link)
    with FakeAgent(path) as agent:
        link.begin()
        qtbot.waitUntil(lambda: ear.snapshots == [KEPT])
        agent.say(codec.encode_line(Done()))
        qtbot.waitUntil(lambda: ear.answers == [""])
        assert ear.snapshots == [KEPT]


def test_waiting_can_be_cut_short(qtbot: QtBot, link: AgentLink, path: Path) -> None:
    ear = Ear(link)
    link.begin()
    qtbot.waitUntil(lambda: len(ear.absences) == 1)
    with FakeAgent(path):
        link.start_over()
        qtbot.waitUntil(lambda: ear.snapshots[-1] == KEPT)
        link.start_over()
        assert link.connected


def test_who_leaves_together_with_the_agent_does_not_come_back(qtbot: QtBot, link: AgentLink, path: Path) -> None:
    ear = Ear(link)
    with FakeAgent(path) as agent:
        link.begin()
        qtbot.waitUntil(lambda: link.connected)
        link.stay_away()
        with qtbot.waitSignal(link.gone):
            agent.hang_up()
        qtbot.wait(250)
        assert not link.connected
        assert ear.snapshots[-1] is None


def test_the_fake_agent_keeps_the_agents_word(path: Path) -> None:
    import socket

    with FakeAgent(path) as agent, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        lines = client.makefile("rb")
        assert codec.decode(lines.readline(), Snapshot, "the agent") == KEPT
        for asked, state in ((Choose("lend"), "lent"), (Choose("auto"), "kept")):
            client.sendall(codec.encode_line(asked))
            assert codec.decode(lines.readline(), Snapshot, "the agent").state == state
            assert codec.decode(lines.readline(), Done, "the agent") == Done()
        client.sendall(codec.encode_line(Explain()))
        assert codec.decode(lines.readline(), Done, "the agent") == Done()
        client.sendall(codec.encode_line(Quit()))
        assert codec.decode(lines.readline(), Done, "the agent") == Done()
        assert lines.readline() == b""
        assert agent.requests.qsize() == 4
        lines.close()
