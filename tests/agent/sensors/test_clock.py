"""A clock that is set, and sleep that nobody announced. No clock is touched: a pipe stands for the kernel's timer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import pytest
from fakes.listener import Listener, watching

from farmhand_agent.sensors import clock
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.clock import Clock


class Kernel:
    """Says when the clock was set, and how long the machine has slept."""

    def __init__(self) -> None:
        self.asleep = 100.0
        self.alarm, self._say = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def tells(self) -> None:
        """Let the wait end."""
        os.write(self._say, b"12345678")

    def close(self) -> None:
        """Take the other end away."""
        os.close(self._say)

    def clock(self) -> Clock:
        """A sense that hears this one."""
        return Clock(lambda: self.alarm, lambda: self.asleep, lambda: 77.0)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.close()


async def heard(listener: Listener, count: int) -> list[dict[str, object]]:
    await listener.until(lambda: len(listener.readings) >= count)
    return listener.readings


async def test_a_clock_that_is_set_is_a_reason_to_think_again_and_no_more(kernel: Kernel) -> None:
    async with watching(kernel.clock()) as listener:
        await heard(listener, 1)
        for told in (2, 3):
            kernel.tells()
            assert await heard(listener, told) == [{}] * told


async def test_sleep_that_nobody_announced_is_waking_all_the_same(kernel: Kernel) -> None:
    async with watching(kernel.clock()) as listener:
        await heard(listener, 1)
        kernel.asleep += 3600
        kernel.tells()
        assert await heard(listener, 2) == [{}, {"woke_at": 77.0}]
        kernel.tells()
        assert await heard(listener, 3) == [{}, {"woke_at": 77.0}, {}], "it has slept only once"


async def test_clocks_that_are_read_one_after_the_other_are_not_taken_for_sleep(kernel: Kernel) -> None:
    async with watching(kernel.clock()) as listener:
        await heard(listener, 1)
        kernel.asleep += clock.SLEPT / 2
        kernel.tells()
        assert await heard(listener, 2) == [{}, {}]


async def test_the_real_timer_is_silent_while_nobody_sets_the_clock() -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with watching(Clock()) as listener:
        await heard(listener, 1)
        (timer,) = (one for one in os.listdir("/proc/self/fdinfo") if "settime flags" in _told(one))
        assert "settime flags: 03" in _told(timer), "absolute, and cancelled when the clock is set"
        await asyncio.sleep(0.1)
        assert listener.readings == [{}]
    assert len(os.listdir("/proc/self/fd")) == before
    assert time.time() < clock.NEVER


async def test_a_kernel_that_makes_no_timers() -> None:
    def refuse() -> int:
        raise OSError(24, "Too many open files")

    assert Clock(refuse).unusable() is None
    with pytest.raises(SenseLost, match="tells nothing of clocks: Too many open files"):
        await Clock(refuse).watch(lambda _: None)


def _told(descriptor: str) -> str:
    try:
        with open(f"/proc/self/fdinfo/{descriptor}") as file:
            return file.read()
    except OSError:
        return ""
