# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUntypedBaseClass=false, reportArgumentType=false
"""Keyboard and mouse on X11, by alarms on the X server's own idle counter: nothing is polled, no key is ever seen.

The SYNC extension counts milliseconds since the last input of any device in a system counter called IDLETIME. Three
alarms follow it: upwards to a pause, upwards to `idle_after`, and downwards below the pause, which is the first touch.
They go on firing while a lock screen holds all input.

The alarms compare; they do not wait for transitions. A transition is lost when a touch comes in the very moment in
which the pause is reached, and then the X server says nothing until the next pause. A comparison fires once, even if
it is true already when it is armed, so each is armed by the one before.

python-xlib does not know SYNC; the requests and the event here follow the "X Synchronization Extension Protocol",
version 3.1.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

from Xlib import error
from Xlib.protocol import rq

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors import x11
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.nudge import BRUSH, OVERDUE, QUIET, Doubt, Verdict
from farmhand_agent.sensors.rest import pause_before, rest

EXTENSION = "SYNC"
VERSION = (3, 1)
IDLE_COUNTER = b"IDLETIME"

ALARM_NOTIFY = 1
"""The AlarmNotify event, counted from the extension's first event."""

ABSOLUTE = 0
"""VALUETYPE: the test value is a counter value, not a distance from the present one."""

AT_LEAST, AT_MOST = 2, 3
"""TESTTYPE PositiveComparison and NegativeComparison; with a delta of 0 such an alarm rests after it has fired."""

JUST_BELOW = 0.001
"""Seconds below a threshold at which a fall is certain: the counter's own resolution."""

ALL_ATTRIBUTES = 0b111111
"""CreateAlarm's value mask: counter, value type, value, test type, delta and events are all given."""


class _Initialize(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(
        rq.Card8("opcode"), rq.Opcode(0), rq.RequestLength(), rq.Card8("major"), rq.Card8("minor"), rq.Pad(2)
    )
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Pad(1),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Card8("major"),
        rq.Card8("minor"),
        rq.Pad(22),
    )


class _ListSystemCounters(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(1), rq.RequestLength())
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Pad(1),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Card32("count"),
        rq.Pad(20),
        rq.Binary("counters"),
    )


class _QueryCounter(rq.ReplyRequest):  # type: ignore[misc]
    _request = rq.Struct(rq.Card8("opcode"), rq.Opcode(5), rq.RequestLength(), rq.Card32("counter"))
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Pad(1),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Int32("high"),
        rq.Card32("low"),
        rq.Pad(16),
    )


def _alarm_request(number: int) -> rq.Struct:
    """CreateAlarm and ChangeAlarm differ in their number only."""
    return rq.Struct(
        rq.Card8("opcode"),
        rq.Opcode(number),
        rq.RequestLength(),
        rq.Card32("alarm"),
        rq.Card32("mask"),
        rq.Card32("counter"),
        rq.Card32("value_type"),
        rq.Int32("value_high"),
        rq.Card32("value_low"),
        rq.Card32("test"),
        rq.Int32("delta_high"),
        rq.Card32("delta_low"),
        rq.Card32("events"),
    )


class _CreateAlarm(rq.Request):  # type: ignore[misc]
    _request = _alarm_request(8)


class _ChangeAlarm(rq.Request):  # type: ignore[misc]
    _request = _alarm_request(9)


class _AlarmNotify(rq.Event):  # type: ignore[misc]
    _code = None
    _fields = rq.Struct(
        rq.Card8("type"),
        rq.Card8("kind"),
        rq.Card16("sequence_number"),
        rq.Card32("alarm"),
        rq.Int32("counter_high"),
        rq.Card32("counter_low"),
        rq.Int32("alarm_high"),
        rq.Card32("alarm_low"),
        rq.Card32("timestamp"),
        rq.Card8("state"),
        rq.Pad(3),
    )


class IdleCounter:
    """The X server's IDLETIME counter, with alarms.

    Raises:
        SenseLost: the X server lacks the extension or the counter.
    """

    def __init__(self, display: x11.Display) -> None:
        self._display = display
        self._alarms: dict[tuple[float, int], int] = {}
        extension = display.extension(EXTENSION)
        if not extension:
            raise SenseLost(f"the X server has no {EXTENSION}")
        self._opcode = extension.major_opcode
        self._alarm_notify = extension.first_event + ALARM_NOTIFY
        display.add_extension_event(self._alarm_notify, _AlarmNotify)
        _Initialize(display=display, opcode=self._opcode, major=VERSION[0], minor=VERSION[1])
        listed = _ListSystemCounters(display=display, opcode=self._opcode)
        counters = _system_counters(bytes(listed.counters), listed.count)
        if IDLE_COUNTER not in counters:
            raise SenseLost(f"the X server has no {IDLE_COUNTER.decode()} counter")
        self._counter = counters[IDLE_COUNTER]

    def idle(self) -> float:
        """Ask for the seconds since the last input."""
        answer = _QueryCounter(display=self._display, opcode=self._opcode, counter=self._counter)
        return _seconds(answer.high, answer.low)

    def arm(self, seconds: float, test: int) -> None:
        """Have one event sent once the counter is `AT_LEAST` or `AT_MOST` `seconds`. One alarm serves each pair."""
        known = (seconds, test) in self._alarms
        alarm = self._alarms[seconds, test] if known else self._display.allocate_resource_id()
        self._alarms[seconds, test] = alarm
        high, low = divmod(round(seconds * 1000), 1 << 32)
        (_ChangeAlarm if known else _CreateAlarm)(
            display=self._display,
            opcode=self._opcode,
            alarm=alarm,
            mask=ALL_ATTRIBUTES,
            counter=self._counter,
            value_type=ABSOLUTE,
            value_high=high,
            value_low=low,
            test=test,
            delta_high=0,
            delta_low=0,
            events=1,
        )
        self._display.flush()

    def idle_at(self, event: Any) -> float | None:
        """Return the seconds since the last input that an alarm's event carries; None for any other event."""
        return _seconds(event.counter_high, event.counter_low) if event.type == self._alarm_notify else None


def _seconds(high: int, low: int) -> float:
    return ((high << 32) | low) / 1000


def _system_counters(data: bytes, count: int) -> dict[bytes, int]:
    """Read LISTofSYSTEMCOUNTER: id, resolution (64 bits), length of the name, the name, padding to four bytes."""
    counters: dict[bytes, int] = {}
    at = 0
    for _ in range(count):
        counter, length = struct.unpack_from("=I8xH", data, at)
        counters[data[at + 14 : at + 14 + length]] = counter
        at += (14 + length + 3) // 4 * 4
    return counters


class XSyncInput:
    """Tells whether the owner is there, on X11.

    Args:
        settings: `idle_after` counts.
        environ: names the display.
        clock: monotonic seconds.
    """

    question = "input"
    name = "XSync IDLETIME"

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return x11.why_not(self._environ, EXTENSION)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        display = x11.open_display(self._environ)
        try:
            telling = _Telling(IdleCounter(display), report, self._settings, self._clock)
            try:
                await x11.hear(display, telling.hear)
            finally:
                telling.end()
        except error.ConnectionClosedError:
            raise SenseLost("the X server has gone") from None
        finally:
            x11.close_display(display)


class _Telling:
    """Turns the counter's alarms into readings, each alarm armed by the one before."""

    def __init__(self, counter: IdleCounter, report: Report, settings: Settings, clock: Callable[[], float]) -> None:
        self._counter = counter
        self._report = report
        self._idle_after = settings.idle_after
        self._pause = pause_before(settings.idle_after)
        self._holds = settings.on_return == "hold"
        self._clock = clock
        self._away: Reading | None = None  # what was last said of an absence
        self._doubt: Doubt | None = None
        self._overdue: asyncio.TimerHandle | None = None
        counter.arm(self._idle_after, AT_LEAST)
        self._tell(counter.idle())

    def hear(self, event: Any) -> None:
        """Take in an event of the display."""
        idle = self._counter.idle_at(event)
        if idle is None:
            return
        if self._doubt is not None:
            self._settle(self._doubt.judge(idle, self._clock()), idle)
        elif self._holds and self._away is not None and idle < self._pause:
            self._begin_doubt(idle)
        else:
            self._tell(idle)

    def end(self) -> None:
        """Let no timer outlive the watch."""
        if self._overdue is not None:
            self._overdue.cancel()

    def _tell(self, idle: float) -> None:
        if idle < self._pause:
            self._counter.arm(self._pause, AT_LEAST)
            self._counter.arm(self._idle_after, AT_LEAST)
        else:
            self._counter.arm(self._pause - JUST_BELOW, AT_MOST)
        reading = rest(idle, self._clock(), self._idle_after)
        self._away = reading if idle >= self._idle_after else None
        self._report(reading)

    def _begin_doubt(self, idle: float) -> None:
        self._doubt = Doubt(self._clock() - idle)
        self._counter.arm(BRUSH, AT_LEAST)
        self._overdue = asyncio.get_running_loop().call_later(OVERDUE, self._settle, Verdict.RETURN, 0.0)
        self._report(Reading({"in_use": True, "idle_since": None, "touched_once_at": self._doubt.first}))

    def _settle(self, verdict: Verdict, idle: float) -> None:
        """Go on from a doubt once it is over."""
        if verdict is Verdict.OPEN:  # the hands have come to rest: hear of the next touch, or of none
            self.end()
            self._counter.arm(BRUSH - JUST_BELOW, AT_MOST)
            self._counter.arm(QUIET, AT_LEAST)
            return
        self.end()
        self._doubt = None
        self._report(Reading({"touched_once_at": None, **_over(verdict, self._away)}))
        if verdict is Verdict.NUDGE:
            self._counter.arm(self._pause - JUST_BELOW, AT_MOST)
        else:
            self._tell(idle)


def _over(verdict: Verdict, away: Reading | None) -> dict[str, Any]:
    """What a doubt's end says of the input: after a nudge, all that was known before it."""
    return dict(away.values) if verdict is Verdict.NUDGE and away is not None else {"in_use": True, "idle_since": None}
