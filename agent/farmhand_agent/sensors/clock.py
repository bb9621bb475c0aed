"""Clocks that are set, and sleep that nobody announced, as the kernel tells of them; nothing is polled.

1. Hours, meetings and choices turn by the clock on the wall, but timers run by one that nobody sets. So a clock that is
   set is reported, without any news but that everything must be judged anew.
2. The kernel ends the same wait when the machine resumes (TFD_TIMER_CANCEL_ON_SET in timerfd_create(2)). That it has
   slept shows in the clock that counts sleep being further ahead of the one that does not. Waking is reported as
   logind's sense reports it: where there is no logind, or it was not asked, nobody else does.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable

from farmhand.lending.observation import Reading
from farmhand.links.boot import slept
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.traces.processes import readable

ABSTIME, CANCEL_ON_SET = 1, 2
"""Flags of timerfd_settime(2)."""

NEVER = 1 << 40
"""Unix seconds of a time that no machine will see."""

SLEPT = 0.1
"""Seconds by which the clocks must have moved apart to tell of sleep: they are read one after the other."""

_libc = ctypes.CDLL(None, use_errno=True)


class Clock:
    """Waits for the kernel's word.

    Args:
        open_alarm: returns a descriptor that can be read when the clock has been set or the machine has resumed, or
            raises OSError.
        asleep: seconds that the machine has slept since it was booted.
        clock: monotonic seconds.
    """

    question = "clock"
    name = "the kernel's timers"

    def __init__(
        self,
        open_alarm: Callable[[], int] | None = None,
        asleep: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_alarm = open_alarm or open_timer
        self._asleep = asleep or slept
        self._clock = clock

    def unusable(self) -> str | None:
        """Return None: every kernel of the last ten years can."""
        return None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        try:
            alarm = self._open_alarm()
        except OSError as wrong:
            raise SenseLost(f"the kernel tells nothing of clocks: {wrong.strerror}") from None
        try:
            asleep = self._asleep()
            report(Reading({}))
            while True:
                await readable(alarm)
                _take(alarm)
                before, asleep = asleep, self._asleep()
                report(Reading({"woke_at": self._clock()} if asleep - before >= SLEPT else {}))
        finally:
            os.close(alarm)


def open_timer() -> int:
    """Return a timer that never rings, but can be read when the clock has been set.

    Raises:
        OSError: the kernel makes none.
    """
    timer = int(_libc.timerfd_create(time.CLOCK_REALTIME, os.O_CLOEXEC | os.O_NONBLOCK))
    if timer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    at = (ctypes.c_long * 4)(0, 0, NEVER, 0)  # interval and time, each in seconds and nanoseconds
    if _libc.timerfd_settime(timer, ABSTIME | CANCEL_ON_SET, at, None) < 0:
        problem = OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        os.close(timer)
        raise problem
    return timer


def _take(alarm: int) -> None:
    """Read what there is; of a clock that has been set the kernel tells by an error, and the timer goes on."""
    try:
        os.read(alarm, 8)
    except OSError:
        return
