"""One job's bytes: client to box, box to client, until the reply is complete or one side leaves.

The client is held to a pace, see `pace`, and the kernel asks whether its machine is still there. A box needs no such
question: it is on this machine, so the kernel hangs up for a box that has died, and would answer for one that hangs.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from farmhand.distcc.protocol import ProtocolError, ReplyReader
from farmhand_agent.gate.greeting import CHUNK, Greeting
from farmhand_agent.gate.jobs import End, Job
from farmhand_agent.gate.pace import Pace


async def relay(client: socket.socket, inside: socket.socket, greeting: Greeting, job: Job, pace: Pace) -> End:
    """Carry a request in and its reply out.

    Args:
        client: the connection to the outside.
        inside: the connection to the box's distccd.
        greeting: what has been read of the request.
        job: keeps the count of bytes and the compiler's exit status.
        pace: of the upload; an unfinished one that falls behind is given up.

    Returns:
        How the job ended.
    """
    up = asyncio.create_task(_guarded(_upload(client, inside, greeting, job, pace)))
    down = asyncio.create_task(_guarded(_download(inside, client, job, greeting)))
    try:
        done, _ = await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        first = down if down in done else up
        return first.result()
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _guarded(half: Coroutine[Any, Any, End]) -> End:
    try:
        return await half
    except TimeoutError:
        return End.STALLED
    except ProtocolError:
        return End.GARBAGE
    except OSError:
        return End.CUT


async def _upload(client: socket.socket, inside: socket.socket, greeting: Greeting, job: Job, pace: Pace) -> End:
    loop = asyncio.get_running_loop()
    reader = greeting.reader
    job.received = len(greeting.received)
    await loop.sock_sendall(inside, greeting.received)
    greeting.received.clear()
    while True:
        patience, began = None if reader.complete else pace.patience, loop.time()
        async with asyncio.timeout(patience):
            data = await loop.sock_recv(client, CHUNK)
        if not data:
            return End.CLIENT_LEFT
        pace.note(len(data), loop.time() - began)
        reader.feed(data)
        job.received += len(data)
        await loop.sock_sendall(inside, data)


async def _download(inside: socket.socket, client: socket.socket, job: Job, greeting: Greeting) -> End:
    loop = asyncio.get_running_loop()
    head = greeting.reader.head
    assert head is not None, "a job begins with a complete head"
    reply = ReplyReader(head.version)
    while not reply.complete:
        data = await loop.sock_recv(inside, CHUNK)
        if not data:
            return End.BOX_LEFT
        reply.feed(data)
        job.sent += len(data)
        job.status = reply.status
        await loop.sock_sendall(client, data)
    return End.SERVED
