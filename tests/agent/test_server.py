"""The agent's local socket, by real connections to it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fakes.waiting import comes_true

from farmhand.wire import codec
from farmhand.wire.local import Choose, Done, Explain, Explanation, FromAgent, Quit, Snapshot, ToAgent
from farmhand_agent.server import MAX_CLIENTS, MAX_REQUEST, MAX_UNREAD, LocalServer


def snapshot(state: str, reason: str = "") -> Snapshot:
    return Snapshot(version="1", name="desk", state=state, since=0.0, rule="r", reason=reason)


class Brain:
    """What the server serves: answers, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[ToAgent] = []

    def answer(self, request: ToAgent) -> Done | Explanation:
        self.asked.append(request)
        return Explanation("kept", ()) if isinstance(request, Explain) else Done()


class Face:
    """A program that talks to the agent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, path: Path) -> Face:
        return cls(*await asyncio.open_unix_connection(path, limit=1 << 22))

    async def hears(self) -> FromAgent:
        async with asyncio.timeout(30):
            line = await self.reader.readline()
        message: FromAgent = codec.decode(line, FromAgent, "the agent")
        return message

    def says(self, data: bytes) -> None:
        self.writer.write(data)

    def asks(self, request: ToAgent) -> None:
        self.says(codec.encode_line(request))

    async def is_hung_up(self) -> bool:
        async with asyncio.timeout(30):
            return await self.reader.read() == b""

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
def brain() -> Brain:
    return Brain()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
async def server(brain: Brain, folder: Path) -> AsyncIterator[LocalServer]:
    serving = LocalServer(brain.answer, lambda: snapshot("kept"))
    await serving.open(folder / "agent.sock")
    yield serving
    await serving.close()


@pytest.fixture
async def face(server: LocalServer, folder: Path) -> AsyncIterator[Face]:
    opened = await Face.open(folder / "agent.sock")
    yield opened
    await opened.close()


async def test_first_everything_then_what_changes(server: LocalServer, face: Face) -> None:
    assert await face.hears() == snapshot("kept")
    server.publish(snapshot("lent"))
    server.publish(snapshot("draining"))
    assert [await face.hears(), await face.hears()] == [snapshot("lent"), snapshot("draining")]


async def test_requests_are_answered_in_order(brain: Brain, face: Face) -> None:
    await face.hears()
    requests: list[ToAgent] = [Choose("lend", 5.0), Explain(), Quit()]
    for request in requests:
        face.asks(request)
    assert [await face.hears() for _ in requests] == [Done(), Explanation("kept", ()), Done()]
    assert brain.asked == requests


async def test_a_request_may_come_in_pieces(brain: Brain, face: Face) -> None:
    await face.hears()
    line = codec.encode_line(Explain())
    face.says(line[:5])
    await face.writer.drain()
    face.says(line[5:])
    assert await face.hears() == Explanation("kept", ())


@pytest.mark.parametrize(
    "rubbish",
    [b"hello\n", b"\n", b"\xff\xfe\n", b'{"type":"choose","wish":"steal"}\n', b'{"type":"quit","x":1}\n', b"[[[[\n"],
)
async def test_rubbish_is_answered_and_ends_the_conversation(brain: Brain, face: Face, rubbish: bytes) -> None:
    await face.hears()
    face.says(rubbish)
    answer = await face.hears()
    assert isinstance(answer, Done)
    assert answer.problem.startswith("the client sent something that is no Farmhand message")
    assert await face.is_hung_up()
    assert brain.asked == []


async def test_a_request_too_long_is_refused_before_it_ends(face: Face) -> None:
    await face.hears()
    face.says(b"x" * (MAX_REQUEST * 3))
    assert await face.hears() == Done(f"a request of more than {MAX_REQUEST} bytes")


async def test_one_bad_client_does_not_disturb_another(server: LocalServer, folder: Path, face: Face) -> None:
    await face.hears()
    other = await Face.open(folder / "agent.sock")
    other.says(b"rubbish\n")
    await other.hears()
    await other.hears()
    await other.close()
    server.publish(snapshot("lent"))
    assert await face.hears() == snapshot("lent")


async def test_of_too_many_clients_the_oldest_goes_and_the_newest_is_answered(
    brain: Brain, folder: Path, server: LocalServer
) -> None:
    forgotten = [await Face.open(folder / "agent.sock") for _ in range(MAX_CLIENTS)]
    for face in forgotten:
        await face.hears()
    newest = await Face.open(folder / "agent.sock")
    await newest.hears()
    newest.asks(Choose("keep"))
    assert await newest.hears() == Done()
    assert await forgotten[0].is_hung_up()
    server.publish(snapshot("lent"))
    for face in (forgotten[1], forgotten[-1], newest):
        assert await face.hears() == snapshot("lent")
    for face in (*forgotten, newest):
        await face.close()


async def test_a_slow_reader_is_dropped_and_never_waited_for(server: LocalServer, folder: Path, face: Face) -> None:
    await face.hears()
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(folder / "agent.sock"))
        await comes_true(lambda: len(server._clients) == 2)
        long = "x" * (MAX_UNREAD // 4)
        for number in range(12):
            server.publish(snapshot(str(number), long))
            heard = await face.hears()
            assert isinstance(heard, Snapshot)
            assert heard.state == str(number)
        assert len(server._clients) == 1


async def test_a_client_that_leaves_is_forgotten(server: LocalServer, folder: Path) -> None:
    leaving = await Face.open(folder / "agent.sock")
    await leaving.hears()
    await leaving.close()
    await comes_true(lambda: not server._clients and not server._serving)
    server.publish(snapshot("lent"))


async def test_only_the_owner_may_open_the_socket(server: LocalServer, folder: Path) -> None:
    assert stat.S_IMODE((folder / "agent.sock").stat().st_mode) == 0o600


LISTEN = """
import socket, sys
with socket.socket(socket.AF_UNIX) as one:
    try:
        one.connect(sys.argv[1])
    except PermissionError:
        print("no permission")
    else:
        one.settimeout(10)
        print(one.recv(100))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("mode", "heard"), [(0o600, "no permission"), (0o666, "b''")])
async def test_another_user_hears_nothing(server: LocalServer, folder: Path, mode: int, heard: str) -> None:
    """Not even where the file's mode would let it in."""
    (folder / "agent.sock").chmod(mode)
    command = ["runuser", "-u", "nobody", "--", "/usr/bin/python3", "-c", LISTEN, str(folder / "agent.sock")]
    stranger = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd="/")
    told, _ = await stranger.communicate()
    assert told.decode().strip() == heard
    assert not server._clients


async def test_a_socket_that_a_crash_left_behind_is_replaced(brain: Brain, folder: Path) -> None:
    path = folder / "agent.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    again = LocalServer(brain.answer, lambda: snapshot("kept"))
    await again.open(path)
    face = await Face.open(path)
    assert await face.hears() == snapshot("kept")
    await again.close()
    assert await face.is_hung_up()
    assert not path.exists()
    await face.close()


async def test_closing_what_was_never_open_does_nothing(brain: Brain) -> None:
    await LocalServer(brain.answer, lambda: snapshot("kept")).close()
