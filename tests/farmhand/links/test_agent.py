"""The command line's end of the wire to the agent, and what it does with agents that do not keep their word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from fakes.fake_agent import KEPT, LENT, FakeAgent

from farmhand.errors import PeerError, Unreachable
from farmhand.links.agent import AgentEnded, AgentLink
from farmhand.wire import codec
from farmhand.wire.history import AskHistory, History
from farmhand.wire.local import Choose, Done, Explain, Explanation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.sock"


@contextmanager
def says(path: Path, *words: bytes) -> Iterator[None]:
    """An agent that says its words to the one who comes, hears nothing and hangs up."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(b"".join(words))

        server = threading.Thread(target=serve)
        server.start()
        yield
        server.join()


def test_an_answer_comes_with_what_the_request_led_to(path: Path) -> None:
    with FakeAgent(path), AgentLink(path) as link:
        assert link.snapshot == KEPT
        assert link.ask(Choose("lend")) == Done()
        assert link.snapshot == msgspec.structs.replace(LENT, wish="lend")


def test_a_refusal_is_told(path: Path) -> None:
    with FakeAgent(path) as agent, AgentLink(path) as link:
        agent.refuses = "not today"
        with pytest.raises(PeerError, match="the agent refused: not today"):
            link.ask(Choose("lend"))


@pytest.mark.parametrize(("asked", "kind"), [(Explain(), Explanation), (AskHistory(), History)])
def test_an_answer_of_another_kind_is_no_answer(
    path: Path, asked: Explain | AskHistory, kind: type[Explanation] | type[History]
) -> None:
    with FakeAgent(path), AgentLink(path) as link, pytest.raises(PeerError, match="something else than it was asked"):
        link.ask(asked, kind)


def test_without_an_agent_it_says_how_to_start_one(path: Path) -> None:
    with pytest.raises(Unreachable, match="start one with `farmhand up`"):
        AgentLink(path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"", "the agent has ended"),
        (b"hello\n", "no Farmhand message"),
        (codec.encode_line(Done()), "did not begin with its state"),
        (b"x" * (codec.MAX_MESSAGE + 2), "the agent has ended"),
    ],
)
def test_what_does_not_begin_as_an_agent_does_is_none(path: Path, words: bytes, told: str) -> None:
    with says(path, words), pytest.raises(PeerError, match=told):
        AgentLink(path)


def test_an_agent_that_has_ended_cannot_be_asked(path: Path) -> None:
    """Not even where the command's own output is still open: that is another pipe."""
    with says(path, codec.encode_line(KEPT)):
        link = AgentLink(path)
    with link, pytest.raises(AgentEnded):
        link.ask(Choose("keep"))
