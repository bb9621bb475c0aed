# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Keyboard and mouse under GNOME, by the idle watches of its compositor Mutter: nothing is polled, no key is ever seen.

Mutter has none of the Wayland protocols for it and offers `org.gnome.Mutter.IdleMonitor` on the session bus instead. An
idle watch fires each time the input has rested for its interval. A watch for the user's return fires once, and only if
it was set during a rest; so it is set anew in each rest, and then
Mutter is asked whether a touch came first.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping

from jeepney import DBusAddress

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand_agent.sensors import base
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.dbus import Bus, NoAnswer, new_owner, open_bus, session_bus, why_no_bus
from farmhand_agent.sensors.rest import pause_before, rest
from farmhand_agent.sensors.wayland_session import why_no_wayland
from farmhand_agent.ticks import until_tick

SERVICE = "org.gnome.Mutter.IdleMonitor"
CORE = DBusAddress("/org/gnome/Mutter/IdleMonitor/Core", bus_name=SERVICE, interface=SERVICE)

EARLY = 0.1
"""Seconds by which Mutter's clock may lag behind its own watch."""


class MutterInput:
    """Tells whether the owner is there, in a GNOME session under Wayland.

    Args:
        settings: `idle_after` counts.
        environ: names the session bus.
        clock: monotonic seconds.
    """

    question = "input"
    name = "Mutter IdleMonitor"

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_after = settings.idle_after
        self._pause = pause_before(settings.idle_after)
        self._environ = environ
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_wayland(self._environ) or why_no_bus(session_bus(self._environ))

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        reason = self.unusable()
        if reason:
            raise SenseLost(reason)
        async with open_bus(session_bus(self._environ)) as bus:
            try:
                await self._follow(bus, report)
            except NoAnswer as none:
                raise SenseLost(f"no Mutter: {none}") from None

    async def _follow(self, bus: Bus, report: Report) -> None:
        """Set the watches and report what they tell."""
        await bus.follow_owner(SERVICE)
        await bus.follow(SERVICE, "WatchFired", CORE.object_path)
        watches: dict[int, float] = {}
        for seconds in sorted({self._pause, self._idle_after}):
            (watch,) = await bus.call(CORE, "AddIdleWatch", "t", round(seconds * 1000))
            watches[watch] = seconds
        returning: int | None = await self._await_return(bus)
        known = await self._rest_now(bus, 0.0)
        report(known)
        clock = asyncio.get_running_loop().time
        while True:
            try:
                async with asyncio.timeout(until_tick(base.SILENCE, clock())):
                    signal = await bus.signal()
            except TimeoutError:
                await bus.call(CORE, "GetIdletime")  # is it still there?
                continue
            if new_owner(signal) is not None:
                raise SenseLost("Mutter has gone")
            (fired,) = signal.body
            if fired == returning:
                reading, returning = rest(0.0, self._clock(), self._idle_after), None
            elif fired in watches:
                returning = returning or await self._await_return(bus)
                reading = await self._rest_now(bus, watches[fired])
            else:
                continue
            if reading != known:
                known = reading
                report(known)

    async def _await_return(self, bus: Bus) -> int:
        """Have the next touch told; return the number of the watch for it."""
        (watch,) = await bus.call(CORE, "AddUserActiveWatch")
        return int(watch)

    async def _rest_now(self, bus: Bus, told: float) -> Reading:
        """Ask how long the input has rested, where a watch has just `told` of that many seconds."""
        (milliseconds,) = await bus.call(CORE, "GetIdletime")
        idle = milliseconds / 1000
        return rest(max(idle, told) if idle > told - EARLY else idle, self._clock(), self._idle_after)
