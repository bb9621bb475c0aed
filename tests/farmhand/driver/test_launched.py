"""What is made of a launcher's words, whole, in pieces, late or wrong."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from fakes.scripted_driver import message
from fakes.waiting import comes_true

from farmhand.driver.launched import VERSION, Call, Launched, LauncherGone

CALL = message("H", VERSION, "/bin/gcc", "/work", "2", "gcc", "-c", "A=b=c", "EMPTY=", "odd")


class Driver:
    """Keeps what launchers say.

    Attributes:
        calls: what was called.
        launched: the launchers that called.
        gone: how many of them have ended.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self.calls: list[Call] = []
        self.launched: list[Launched] = []
        self.gone = 0

    def called(self, launched: Launched, call: Call) -> None:
        self.calls.append(call)
        self.launched.append(launched)
        launched.gone = self.ended

    def ended(self) -> None:
        self.gone += 1

    @asynccontextmanager
    async def launcher(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect as a launcher does."""
        server = await asyncio.get_running_loop().create_unix_server(lambda: Launched(self.called), self._socket)
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            yield reader, writer
        finally:
            writer.close()
            server.close()

    async def one(self) -> Launched:
        await comes_true(lambda: self.launched)
        return self.launched[0]


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    return Driver(tmp_path / "socket")


@pytest.mark.parametrize("step", [1, 7, len(CALL)])
async def test_a_call_may_come_in_pieces(driver: Driver, step: int) -> None:
    async with driver.launcher() as (_, writer):
        for start in range(0, len(CALL), step):
            writer.write(CALL[start : start + step])
            await writer.drain()
        await driver.one()
    variables = {"A": "b=c", "EMPTY": "", "odd": ""}
    assert driver.calls == [Call("/bin/gcc", "/work", ("gcc", "-c"), variables)]


def test_what_is_no_text_survives() -> None:
    body = b"\0".join((VERSION.encode(), b"/bin/gcc", b"/\xff", b"2", b"gcc", b"\xff.c", b""))
    assert Call.read(body) == Call("/bin/gcc", "/\udcff", ("gcc", "\udcff.c"), {})


@pytest.mark.parametrize("count", ["0", "-1", "3", "x", ""])
def test_a_count_of_words_that_cannot_be_is_no_call(count: str) -> None:
    with pytest.raises(ValueError, match=r"words, and 2|invalid literal"):
        Call.read("\0".join((VERSION, "/bin/gcc", "/", count, "gcc", "-c", "")).encode())


def test_a_launcher_of_another_version_is_left_alone() -> None:
    with pytest.raises(LauncherGone, match="farmhand-launcher 0"):
        Call.read("\0".join(("farmhand-launcher 0", "/bin/gcc", "/", "1", "gcc", "")).encode())


@pytest.mark.parametrize(
    "data", [b"K\0\0\0\0", b"H\0\0\0\0", struct.pack("=cI", b"H", 65 << 20), CALL + CALL, CALL + b"S\0\0\0\0"]
)
async def test_what_no_launcher_says_is_hung_up_on(driver: Driver, data: bytes) -> None:
    async with driver.launcher() as (reader, writer):
        writer.write(data)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


async def test_a_question_is_answered(driver: Driver) -> None:
    async with driver.launcher() as (reader, writer):
        writer.write(CALL)
        one = await driver.one()
        for answer in ("K", "X", "F"):
            asking = asyncio.create_task(one.preprocess("t.i", ["word"], ["/bin/gcc", "gcc"]))
            expected = message("P", "t.i", "1", "word", "/bin/gcc", "gcc")
            assert await reader.readexactly(len(expected)) == expected
            writer.write(message(answer))
            assert await asking == answer
        running = asyncio.create_task(one.run_and_report())
        await reader.readexactly(len(message("W")))
        writer.write(b"S\4\0\0\0" + struct.pack("=i", 7 << 8))
        assert await running == 7 << 8


@pytest.mark.parametrize("answer", [b"K\0\0\0\0", b"S\0\0\0\0", b"S\3\0\0\0abc", None])
async def test_a_status_that_is_none_means_that_the_launcher_has_gone(driver: Driver, answer: bytes | None) -> None:
    async with driver.launcher() as (_, writer):
        writer.write(CALL)
        running = asyncio.create_task((await driver.one()).run_and_report())
        await asyncio.sleep(0)
        if answer is None:
            writer.close()
        else:
            writer.write(answer)
        with pytest.raises(LauncherGone):
            await running


async def test_a_launcher_that_has_gone_is_asked_nothing(driver: Driver) -> None:
    async with driver.launcher() as (_, writer):
        writer.write(CALL)
        one = await driver.one()
        writer.close()
        await comes_true(lambda: driver.gone == 1)
        with pytest.raises(LauncherGone):
            await one.preprocess("t.i", [], ["/bin/gcc", "gcc"])
        one.run()
        one.deliver("a.o", b"object")
        one.hang_up()


async def test_the_answer_to_a_question_that_was_called_off_is_passed_over(driver: Driver) -> None:
    async with driver.launcher() as (reader, writer):
        writer.write(CALL)
        one = await driver.one()
        asking = asyncio.create_task(one.preprocess("t.i", [], ["/bin/gcc", "gcc"]))
        question, order = message("P", "t.i", "0", "/bin/gcc", "gcc"), message("R")
        assert await reader.readexactly(len(question)) == question
        asking.cancel()
        one.run()
        writer.write(message("K"))
        assert await reader.readexactly(len(order)) == order
        with suppress(TimeoutError):  # the connection stays open for as long as the compiler runs
            assert await asyncio.wait_for(reader.read(1), 0.2) == "nothing, ever"
        assert driver.gone == 0


async def test_an_object_is_delivered_whole(driver: Driver) -> None:
    content = bytes(range(256)) * 5000
    async with driver.launcher() as (reader, writer):
        writer.write(CALL)
        (await driver.one()).deliver("a.o", memoryview(content))
        expected = message("D", "a.o") + struct.pack("=Q", len(content)) + content
        assert await reader.readexactly(len(expected)) == expected
