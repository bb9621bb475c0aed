"""A client's first bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from farmhand.distcc.protocol import ProtocolError, request, token
from farmhand.wire.ticket import MAX_TICKET, preface
from farmhand_agent.gate.greeting import MAX_OPENING, Greeting, read_head, read_opening

COMPILE = request(["gcc", "-c", "a.i", "-o", "a.o"], b"int x;\n")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    client, gate = socket.socketpair()
    gate.setblocking(False)
    with client, gate:
        yield client, gate


async def read_greeting(client: socket.socket) -> Greeting:
    """Read both steps of it."""
    return await read_head(client, await read_opening(client))


async def greet(pair: tuple[socket.socket, socket.socket], data: bytes, step: int = 0) -> Greeting:
    """Send `data`, at once or in pieces of `step` bytes, and read the greeting."""
    client, gate = pair
    async with asyncio.timeout(30):
        reading = asyncio.create_task(read_greeting(gate))
        for start in range(0, len(data), step or len(data)):
            client.send(data[start : start + (step or len(data))])
            if step:
                await asyncio.sleep(0)
        return await reading


async def test_plain_distcc_shows_no_ticket(pair: tuple[socket.socket, socket.socket]) -> None:
    greeting = await greet(pair, COMPILE)
    assert greeting.ticket is None
    assert greeting.argv == ("gcc", "-c", "a.i", "-o", "a.o")
    assert greeting.received == COMPILE


@pytest.mark.parametrize("step", [0, 1, 7, 50])
async def test_a_ticket_comes_first_and_is_no_part_of_the_request(
    pair: tuple[socket.socket, socket.socket], step: int
) -> None:
    greeting = await greet(pair, preface("a ticket") + COMPILE, step)
    assert greeting.ticket == "a ticket"
    assert greeting.argv == ("gcc", "-c", "a.i", "-o", "a.o")
    assert COMPILE.startswith(bytes(greeting.received))


async def test_it_waits_for_no_more_than_the_head(pair: tuple[socket.socket, socket.socket]) -> None:
    head = request(["gcc"], b"")[: -len(b"DOTI00000000")]
    greeting = await greet(pair, head)
    assert greeting.argv == ("gcc",)
    assert not greeting.reader.complete


def test_before_the_head_there_is_no_command() -> None:
    assert Greeting().argv == ()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\nHost: farm\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
        b"FARMzzzzzzzz",
        b"FARM-0000001",
        b"FARM+000000f",
        b"FARM 000000f",
        b"FARM0x00000f",
        b"FARM0000_00f",
        b"FARM%08x" % (MAX_TICKET + 1),
        b"FARMffffffff",
        b"DIST00000009",
        b"DISTffffffff",
        token("DIST", 1) + b"ARGCffffffff",
        token("DIST", 1) + b"ARGC00000000",
        token("DIST", 1) + token("ARGC", 1) + b"ARGVffffffff",
        token("DIST", 3) + b"CDIRffffffff",
        b"*\0\0\0\0\0\0\0\0\0\0\0",
        preface("a ticket") + b"GET / HTTP/1",
        preface("a ticket") + preface("another"),
    ],
)
async def test_what_is_no_request_is_no_greeting(pair: tuple[socket.socket, socket.socket], rubbish: bytes) -> None:
    with pytest.raises(ProtocolError):
        await greet(pair, rubbish)


@pytest.mark.parametrize("size", [0, 5, 11, 12, 18, 24, 30, 40])
async def test_a_client_that_leaves_early_is_a_broken_connection(
    pair: tuple[socket.socket, socket.socket], size: int
) -> None:
    client, gate = pair
    client.sendall((preface("a ticket") + COMPILE)[:size])
    client.close()
    with pytest.raises(ConnectionResetError):
        await read_greeting(gate)


async def test_before_a_client_is_judged_no_more_is_read_than_a_ticket_may_take(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, gate = pair
    said = preface("a ticket") + request(["gcc"], bytes(2 * MAX_OPENING))
    client.sendall(said)
    greeting = await read_opening(gate)
    assert len(greeting.received) <= MAX_OPENING
    assert len(gate.recv(1 << 20)) == len(said) - MAX_OPENING


async def test_a_ticket_may_be_anything_but_long(pair: tuple[socket.socket, socket.socket]) -> None:
    """Whether it is good is judged elsewhere."""
    greeting = await greet(pair, preface("\xe9" * (MAX_TICKET // 2)) + COMPILE)
    assert greeting.ticket == "\ufffd" * MAX_TICKET
