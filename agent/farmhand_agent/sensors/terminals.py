"""Whether somebody types in a terminal of this machine: at a console, by ssh, in tmux, in a window of a desktop.

1. Reading moves a terminal's access time. The kernel moves it once in eight seconds, and it is looked at every ten.
   This tells of every terminal, also of other users'.
2. Of a terminal that this user may read, inotify(7) tells each reading at once.
3. Pipes into the machine, such as a remote copy, have no terminal and do not count as somebody being there. Nor does a
   serial line that a group may read: it is a device, not a place where somebody is logged in.

Access times are wall clock, and that may jump. So only the first look compares them with the time of day; from then on
whatever moves a terminal's access time, and a terminal that appears, is input since the look before.
"""

from __future__ import annotations

import asyncio
import enum
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from farmhand.settings import Settings
from farmhand_agent.sensors import inotify
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.inotify import Inotify
from farmhand_agent.sensors.polling import SAME_INPUT
from farmhand_agent.sensors.rest import pause_before, rest, stage
from farmhand_agent.ticks import until_tick

PERIOD = 10.0
"""Seconds between two looks; the kernel's rounding is of the same size."""

PACE = 1.0
"""Seconds for which nobody listens after input was heard: whoever types must not wake the agent with every key."""

SOON_AFTER = 0.01
"""Seconds by which a timer is late on purpose: one that is early would have to be set again."""

CONSOLE, SERIAL, PSEUDO = re.compile(r"tty\d+"), re.compile(r"ttyS\d+"), re.compile(r"\d+")


class TerminalInput:
    """Tells whether somebody is at a terminal.

    Args:
        settings: `idle_after` counts.
        root: where dev and sys are.
        wall: Unix seconds, the clock of access times.
        period: seconds between two looks.
        clock: monotonic seconds.
    """

    question = "input"
    name = "terminals"

    def __init__(
        self,
        settings: Settings,
        root: Path = Path("/"),
        wall: Callable[[], float] = time.time,
        period: float = PERIOD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_after = settings.idle_after
        self._root = root
        self._wall = wall
        self._period = period
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None. A machine without terminals may get one at any time."""
        return None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        loop_time = asyncio.get_running_loop().time
        with ExitStack() as stack:
            terminals, hands = _Terminals(self._root, stack), _Hands(self._idle_after, report)
            known, looked = terminals.reads(), self._clock()
            hands.typed(looked - self._idle(known))
            due = loop_time()
            while True:
                hands.tell(self._clock())
                if loop_time() >= due:
                    due = loop_time() + until_tick(self._period, loop_time())
                news = await terminals.news(min(due - loop_time(), hands.next_stage(self._clock())))
                if news is News.INPUT:
                    hands.typed(self._clock(), heard=True)
                elif news is News.TERMINAL or loop_time() >= due:
                    reads, now = terminals.reads(), self._clock()
                    idle = self._idle(reads)
                    if any(known.get(terminal) != read for terminal, read in reads.items()):
                        hands.typed(max(now - idle, looked))
                    known, looked = reads, now
                if news is not News.NONE:
                    hands.tell(self._clock())
                    await asyncio.sleep(min(PACE, self._period))

    def _idle(self, reads: Mapping[str, float]) -> float:
        """Return the seconds since the last input, by access times and the time of day."""
        return max(0.0, self._wall() - max(reads.values(), default=0.0))


class News(enum.Enum):
    """What inotify tells of terminals."""

    NONE = "nothing"
    INPUT = "somebody has typed"
    TERMINAL = "there is a new terminal"


class _Hands:
    """When there was input, and what is reported of it: only what has changed."""

    def __init__(self, idle_after: float, report: Report) -> None:
        self._idle_after = idle_after
        self._report = report
        self._last = 0.0
        self._heard = False
        self._known: tuple[int, float] | None = None

    def typed(self, at: float, heard: bool = False) -> None:
        """Take in that there was input at a monotonic time, which is exact only if it was `heard`."""
        if heard or self._known is None or at > self._last:
            self._last, self._heard = at, heard

    def tell(self, now: float) -> None:
        """Report what `now` is another stage of rest than before, or a later input."""
        idle = now - self._last
        reached = stage(idle, self._idle_after)
        known = self._known
        if known is None or reached != known[0] or (reached and self._last - known[1] > SAME_INPUT):
            self._known = reached, self._last
            self._report(rest(idle, now, self._idle_after))

    def next_stage(self, now: float) -> float:
        """Return the seconds until the next stage of a rest, where its beginning was heard; else a look has to say."""
        stages = (self._last + one - now for one in (pause_before(self._idle_after), self._idle_after))
        return min((one for one in stages if one > 0 and self._heard), default=PERIOD) + SOON_AFTER


class _Terminals:
    """The terminals of the machine, and the kernel's news of them; without room for watches there are only looks."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self._dev = str(root / "dev")
        self._active = str(root / "sys/class/tty/tty0/active")
        self._watches: Inotify | None = None
        self._folder: int | None = None
        self._owners: dict[str, tuple[int, int]] = {}
        with suppress(SenseLost):
            self._watches = stack.enter_context(Inotify())
            self._folder = self._watches.add(f"{self._dev}/pts", inotify.APPEARS)

    def reads(self) -> dict[str, float]:
        """Return each terminal with the time in Unix seconds at which it was last read from, and watch new ones."""
        found: dict[str, float] = {}
        for path in self._paths():
            try:
                one = os.stat(path)
            except OSError:
                continue  # closed while we looked
            if SERIAL.fullmatch(os.path.basename(path)) and one.st_mode & stat.S_IRGRP:
                continue
            found[path] = one.st_atime
            if self._owners.get(path) != (one.st_ino, one.st_uid):
                self._owners[path] = one.st_ino, one.st_uid
                self._watch(path)
        return found

    async def news(self, within: float) -> News:
        """Wait for news, but not for longer than so many seconds."""
        if self._watches is None:
            await asyncio.sleep(within)
            return News.NONE
        try:
            async with asyncio.timeout(within):
                events = await self._watches.events()
        except TimeoutError:
            return News.NONE
        typed = any(one.mask & inotify.ACCESS for one in events)
        return News.INPUT if typed else News.TERMINAL

    def _paths(self) -> Iterator[str]:
        kinds = [SERIAL]
        try:
            with open(self._active) as told:  # of 63 consoles the keyboard is at one
                yield f"{self._dev}/{told.read().strip()}"
        except OSError:
            kinds.append(CONSOLE)
        for folder, patterns in ((self._dev, kinds), (f"{self._dev}/pts", [PSEUDO])):
            with suppress(OSError):
                for name in os.listdir(folder):
                    if any(pattern.fullmatch(name) for pattern in patterns):
                        yield f"{folder}/{name}"

    def _watch(self, path: str) -> None:
        with suppress(SenseLost):  # no room for more watches: the looks go on
            if self._watches is not None:
                self._watches.add(path, inotify.ACCESS)
