"""What every box keeps to, real or not. The test class that inherits from this has a fixture `box`: one that is up."""

from __future__ import annotations

import asyncio
import socket

import pytest

from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.boxes.box import BoxGone


async def hung_up(connection: socket.socket) -> bool:
    """Wait until the other side has ended the connection."""
    async with asyncio.timeout(30):
        try:
            return await asyncio.get_running_loop().sock_recv(connection, 1) == b""
        except ConnectionError:
            return True


class BoxContract:
    """The promises."""

    async def test_it_comes_up_alive_and_says_how_it_is_kept_out_of_the_owners_way(self, box: AnyBox) -> None:
        assert box.alive
        assert box.priority

    async def test_every_connection_is_a_connected_socket_of_its_own(self, box: AnyBox) -> None:
        with await box.connect() as one, await box.connect() as other:
            assert one.fileno() != other.fileno()
            assert not one.getblocking()
            one.getpeername()

    async def test_a_kill_ends_it_and_hangs_up(self, box: AnyBox) -> None:
        with await box.connect() as connection:
            connection.send(b"DIST")
            box.kill()
            async with asyncio.timeout(30):
                await box.gone()
            assert not box.alive
            assert await hung_up(connection)

    async def test_killing_and_waiting_may_be_repeated_and_shared(self, box: AnyBox) -> None:
        box.kill()
        box.kill()
        async with asyncio.timeout(30):
            await asyncio.gather(box.gone(), box.gone())
            await box.gone()
        box.kill()
        assert not box.alive

    async def test_who_gives_up_waiting_spoils_nothing_for_others(self, box: AnyBox) -> None:
        waiting = asyncio.create_task(box.gone())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert box.alive
        box.kill()
        async with asyncio.timeout(30):
            await box.gone()

    async def test_nobody_answers_in_a_dead_box(self, box: AnyBox) -> None:
        box.kill()
        async with asyncio.timeout(30):
            await box.gone()
            with pytest.raises(BoxGone):
                await box.connect()

    async def test_a_dead_box_costs_nothing(self, box: AnyBox) -> None:
        assert box.cpu_seconds() >= 0
        assert box.memory_mib() >= 0
        box.kill()
        async with asyncio.timeout(30):
            await box.gone()
        assert box.cpu_seconds() == 0
        assert box.memory_mib() == 0
        assert box.members() == []
