"""Keyboard and mouse at the X displays of this user's that are not the session's: VNC, xrdp, a second seat.

1. Displays are looked for when a socket comes into the folder of X servers or goes; soon again, since a server listens
   before it answers; and once a minute for what nobody tells: sockets in the abstract namespace, a folder that is not
   there yet, a server that hung.
2. Each is heard as the session's own is, by alarms or else by asking.
3. A display that goes leaves behind when its last input was: whoever ends a session is not away at once.
4. A server that lets this user in and cannot be heard makes everything unknown. One that does not is somebody else's.
5. A Wayland session's X server is passed over, unasked where it would be started by that. See `displays`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from math import inf
from typing import Any

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors import compositors, displays, inotify, x11
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.hands import NEVER, NOBODY, any_hands
from farmhand_agent.sensors.inotify import Inotify
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput
from farmhand_agent.sensors.xsync import XSyncInput
from farmhand_agent.ticks import until_tick

PERIOD = 60.0
"""Seconds between two looks for what nobody tells."""

SETTLE, GROWS = 0.3, 3
"""Seconds from a new socket to the look, and by how much the pauses grow after that until they are `PERIOD`."""

OF_USER = ("XAUTHORITY", "HOME")
"""What of the environment lets this user in."""


LONGEST = 600.0
"""Most seconds between two questions to a server that does not answer or refuses."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A display that is not asked for now: since when its socket is there, how often it refused, and until when."""

    since: float
    times: int
    until: float


class OtherDisplays:
    """Tells whether somebody is at another display.

    Args:
        settings: `idle_after` and `on_return` count.
        environ: names the session's own display, and the user's authority file.
        clock: monotonic seconds.
    """

    question = "input"
    name = "other displays"

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._own: tuple[int, float] | None = None
        self._refused: dict[int, _Refused] = {}

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None. Another display may come at any time."""
        return None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        board = _Board(self._settings.idle_after, report, self._clock)
        heard: dict[int, asyncio.Task[None]] = {}
        try:
            async with asyncio.TaskGroup() as tasks:
                with ExitStack() as stack:
                    folder = _Folder(stack)
                    while True:
                        folder.watch()
                        for number in self._new(one for one, task in heard.items() if not task.done()):
                            heard[number] = tasks.create_task(self._hear(number, board))
                        board.tell()
                        await folder.next_look()
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            board.end()

    def _new(self, heard: Iterator[int]) -> tuple[int, ...]:
        """Return the other displays of this user's that are not heard yet."""
        named = displays.LOCAL.fullmatch(self._environ.get("DISPLAY", ""))
        left = set(displays.numbers()).difference(heard, (int(named[1]),) if named else ())
        left = {one for one in left if self._is_worth_asking(one)}
        if left and not named:
            left.discard(self._found())
        shown = {compositors.process(one) for one in compositors.all_of(self._environ)} if left else set[int]()
        return tuple(one for one in sorted(left) if displays.keeper(one) not in shown and displays.may_be_ours(one))

    def _is_worth_asking(self, number: int) -> bool:
        refused = self._refused.get(number)
        return refused is None or refused.since != displays.since(number) or refused.until <= self._clock()

    def _found(self) -> int:
        """Return the session's own display where none is named; -1 if there is none. It is looked for once."""
        if self._own is None or displays.since(self._own[0]) != self._own[1]:
            with suppress(SenseLost):
                number = x11.session_display(self._environ)
                self._own = number, displays.since(number)
        return -1 if self._own is None else self._own[0]

    def _pass_over(self, number: int, ever: bool) -> None:
        """Do not ask a display again, or not for a while: one that refuses costs more than one that rests."""
        since, times = displays.since(number), 0
        before = self._refused.get(number)
        if before is not None and before.since == since:
            times = before.times + 1
        until = inf if ever else self._clock() + min(SETTLE * GROWS**times, LONGEST)
        self._refused[number] = _Refused(since, times, until)

    async def _hear(self, number: int, board: _Board) -> None:
        """Hear a display until it goes; one of a Wayland session's is asked once, since asking may start it.

        Raises:
            SenseLost: it is there and cannot be heard.
        """
        environ = {name: self._environ[name] for name in OF_USER if name in self._environ}
        environ["DISPLAY"] = f":{number}"
        for source in (XSyncInput(self._settings, environ, self._clock), MitScreenSaverInput(self._settings, environ)):
            try:
                await source.watch(lambda reading: board.hear(number, reading))
            except displays.Xwayland:
                return self._pass_over(number, ever=True)
            except displays.NotOurs:
                return self._pass_over(number, ever=False)
            except SenseLost:
                if board.has_left(number):
                    self._refused.pop(number, None)
                    return None
        raise SenseLost(f"display :{number} is there and cannot be heard")


class _Board:
    """What all other displays say, made into one answer."""

    def __init__(self, idle_after: float, report: Report, clock: Callable[[], float]) -> None:
        self._idle_after = idle_after
        self._report = report
        self._clock = clock
        self._says: dict[int, Mapping[str, Any]] = {}
        self._left_at = NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._known: Reading | None = None

    def hear(self, number: int, reading: Reading) -> None:
        """Take in what one display says."""
        self._says[number] = reading.values
        self.tell()

    def has_left(self, number: int) -> bool:
        """Take in that a display is heard no more; return whether it had said anything."""
        said = self._says.pop(number, None)
        if said is None:
            return False
        now = self._clock()
        self._left_at = max(self._left_at, now if said["idle_since"] is None else said["idle_since"])
        self.end()
        away_in = max(0.0, self._left_at + self._idle_after - now)
        self._timer = asyncio.get_running_loop().call_later(away_in, self.tell)
        self.tell()
        return True

    def tell(self) -> None:
        """Report what has changed."""
        gone = {"in_use": self._left_at + self._idle_after > self._clock(), "idle_since": self._left_at}
        reading = any_hands([NOBODY.values if self._left_at == NEVER else gone, *self._says.values()])
        if reading != self._known:
            self._known = reading
            self._report(reading)

    def end(self) -> None:
        """Let no timer outlive the watch."""
        if self._timer is not None:
            self._timer.cancel()


class _Folder:
    """The folder of the X servers' sockets, and when it is looked at next."""

    def __init__(self, stack: ExitStack) -> None:
        self._watches: Inotify | None = None
        self._pause = SETTLE
        with suppress(SenseLost):  # no room for watches: the looks go on
            self._watches = stack.enter_context(Inotify())

    def watch(self) -> None:
        """Have changes told, if the folder is there by now."""
        with suppress(SenseLost):
            if self._watches is not None:
                self._watches.add(displays.SOCKETS, inotify.APPEARS)

    async def next_look(self) -> None:
        """Wait until it is worth looking again."""
        now = asyncio.get_running_loop().time()
        pause = self._pause if self._pause < PERIOD else until_tick(PERIOD, now)
        self._pause = min(self._pause * GROWS, PERIOD)
        if self._watches is None:
            await asyncio.sleep(pause)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._watches.events()
                self._pause = SETTLE
