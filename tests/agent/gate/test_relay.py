"""One job's bytes, between two pairs of sockets."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

import pytest

from farmhand.distcc.protocol import reply, request
from farmhand_agent.gate.admission import Client
from farmhand_agent.gate.greeting import Greeting, read_head, read_opening
from farmhand_agent.gate.jobs import End, Job
from farmhand_agent.gate.pace import Pace
from farmhand_agent.gate.relay import relay

SOURCE = b"int x;\n" * 100_000
REQUEST = request(["gcc", "-c", "a.i", "-o", "a.o"], SOURCE)
REPLY = b"".join(reply(1 << 8, b"a.c:1: no\n", b"", b"object" * 100_000))


@dataclass
class Wires:
    """Both ends of both connections: ours are `client` and `box`, the relay's the other two."""

    client: socket.socket
    gate_outside: socket.socket
    gate_inside: socket.socket
    box: socket.socket
    job: Job

    async def begin(self, first: bytes, stall: float = 10.0) -> asyncio.Task[End]:
        """Let the client begin with `first` and start to relay."""
        loop = asyncio.get_running_loop()
        _, greeting = await asyncio.gather(loop.sock_sendall(self.client, first), self._greeting())
        return asyncio.create_task(relay(self.gate_outside, self.gate_inside, greeting, self.job, Pace(stall)))

    async def _greeting(self) -> Greeting:
        return await read_head(self.gate_outside, await read_opening(self.gate_outside))


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    outside, inside = socket.socketpair(), socket.socketpair()
    for one in (*outside, *inside):
        one.setblocking(False)
    client = Client("10.0.0.9", "10.0.0.9", "10.0.0.9")
    made = Wires(*outside, *inside, Job(client, "gcc", "a.c", 0.0, 0.0, 0.0))
    yield made
    for one in (*outside, *inside):
        one.close()


async def soon(work: Awaitable[End]) -> End:
    async with asyncio.timeout(30):
        return await work


async def read(connection: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    async with asyncio.timeout(30):
        while len(data) < size:
            part = await loop.sock_recv(connection, 1 << 20)
            assert part, "the connection ended early"
            data += part
    return data


async def write(connection: socket.socket, data: bytes) -> None:
    async with asyncio.timeout(30):
        await asyncio.get_running_loop().sock_sendall(connection, data)


async def test_a_request_goes_in_a_reply_comes_out_byte_by_byte_the_same(wires: Wires) -> None:
    relaying = await wires.begin(REQUEST[:200])
    received, _ = await asyncio.gather(read(wires.box, len(REQUEST)), write(wires.client, REQUEST[200:]))
    assert received == REQUEST
    told, _ = await asyncio.gather(read(wires.client, len(REPLY)), write(wires.box, REPLY))
    assert told == REPLY
    assert await soon(relaying) is End.SERVED, "without waiting for the box to hang up"
    assert (wires.job.received, wires.job.sent, wires.job.status) == (len(REQUEST), len(REPLY), 256)


async def test_the_client_leaves(wires: Wires) -> None:
    relaying = await wires.begin(request(["gcc"], b"x"))
    wires.client.close()
    assert await soon(relaying) is End.CLIENT_LEFT


async def test_the_client_breaks_off(wires: Wires) -> None:
    relaying = await wires.begin(REQUEST[:200])
    wires.box.close()
    wires.gate_inside.close()
    await write(wires.client, REQUEST[200:300])
    assert await soon(relaying) in (End.CUT, End.BOX_LEFT)


async def test_the_box_ends_without_a_reply(wires: Wires) -> None:
    relaying = await wires.begin(request(["gcc"], b"x"))
    await read(wires.box, 10)
    wires.box.close()
    assert await soon(relaying) is End.BOX_LEFT


async def test_the_box_ends_in_the_middle_of_its_reply(wires: Wires) -> None:
    relaying = await wires.begin(request(["gcc"], b"x"))
    await write(wires.box, REPLY[:100])
    wires.box.close()
    assert await soon(relaying) in (End.BOX_LEFT, End.CUT)
    assert wires.job.status == 256


async def test_an_upload_that_stalls_is_given_up(wires: Wires) -> None:
    relaying = await wires.begin(REQUEST[:200], stall=0.05)
    assert await soon(relaying) is End.STALLED


async def trickle(wires: Wires, relaying: asyncio.Task[End]) -> None:
    """Send a byte now and then, as long as anybody listens."""
    for byte in REQUEST[200:]:
        await asyncio.wait([relaying], timeout=0.02)
        if relaying.done():
            return
        await write(wires.client, bytes([byte]))


async def test_an_upload_of_a_byte_now_and_then_is_given_up(wires: Wires) -> None:
    relaying = await wires.begin(REQUEST[:200], stall=0.2)
    async with asyncio.timeout(30):
        await trickle(wires, relaying)
    assert await soon(relaying) is End.STALLED


async def test_a_box_that_is_slow_to_take_a_job_is_not_the_clients_fault(wires: Wires) -> None:
    relaying = await wires.begin(REQUEST[:200], stall=0.2)
    sending = asyncio.create_task(write(wires.client, REQUEST[200:]))
    done, _ = await asyncio.wait([relaying], timeout=0.5)
    assert not done
    assert await read(wires.box, len(REQUEST)) == REQUEST
    await sending
    assert not relaying.done()
    wires.client.close()
    assert await soon(relaying) is End.CLIENT_LEFT


async def test_a_compile_may_take_longer_than_an_upload_may_stall(wires: Wires) -> None:
    relaying = await wires.begin(request(["gcc"], b"x"), stall=0.05)
    done, _ = await asyncio.wait((relaying,), timeout=0.3)
    assert not done
    await asyncio.gather(read(wires.client, len(REPLY)), write(wires.box, REPLY))
    assert await soon(relaying) is End.SERVED


@pytest.mark.parametrize("rubbish", [b"x", b"DIST00000001"])
async def test_a_client_that_goes_on_behind_its_request_is_cut(wires: Wires, rubbish: bytes) -> None:
    relaying = await wires.begin(request(["gcc"], b"x"))
    await write(wires.client, rubbish)
    assert await soon(relaying) is End.GARBAGE


@pytest.mark.parametrize("rubbish", [b"HTTP/1.1 200", b"DONE00000002", b"DONE00000001STATxxxxxxxx"])
async def test_a_box_that_speaks_rubbish_is_cut(wires: Wires, rubbish: bytes) -> None:
    relaying = await wires.begin(request(["gcc"], b"x"))
    await write(wires.box, rubbish)
    assert await soon(relaying) is End.GARBAGE


async def test_a_reset_is_a_cut(wires: Wires) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        gate, _ = server.accept()
    gate.setblocking(False)
    with gate:
        client.sendall(REQUEST[:200])
        greeting = await read_head(gate, await read_opening(gate))
        relaying = asyncio.create_task(relay(gate, wires.gate_inside, greeting, wires.job, Pace(10.0)))
        await read(wires.box, 200)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert await soon(relaying) is End.CUT


async def test_cancelling_a_job_leaves_both_connections_to_whoever_owns_them(wires: Wires) -> None:
    relaying = await wires.begin(REQUEST[:200])
    relaying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(relaying)
    assert wires.gate_outside.fileno() >= 0
    assert wires.gate_inside.fileno() >= 0
