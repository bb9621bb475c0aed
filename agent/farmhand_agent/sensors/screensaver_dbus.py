# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Whether a desktop's screensaver shows or its lock screen is up, by the signal that all of them send.

GNOME, MATE, Cinnamon, Xfce and KDE each own a name of their own on the session bus and all emit `ActiveChanged(b)`. At
the start each is asked, without starting any. One that leaves the bus is forgotten: it can no longer say no. KDE takes
its name a moment before it can be asked; so one that refuses is asked again, a few times.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import time
from collections.abc import Callable, Mapping

from jeepney import DBusAddress, HeaderFields, Message, new_method_call

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report
from farmhand_agent.sensors.dbus import Bus, member, new_owner, open_bus, session_bus, why_no_bus

SERVICES = {
    "org.freedesktop.ScreenSaver": "/org/freedesktop/ScreenSaver",
    "org.gnome.ScreenSaver": "/org/gnome/ScreenSaver",
    "org.mate.ScreenSaver": "/org/mate/ScreenSaver",
    "org.cinnamon.ScreenSaver": "/org/cinnamon/ScreenSaver",
    "org.xfce.ScreenSaver": "/org/xfce/ScreenSaver",
}
"""Bus name, which is the interface as well, and the object to ask."""

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before one that refuses is asked once more."""

NOBODY = ("org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.ServiceUnknown")
"""Errors of the bus itself, where nobody owns a name."""


class DBusScreenSaver:
    """Watches the screensavers on the session bus.

    Args:
        environ: names the bus.
        clock: monotonic seconds.
    """

    question = "screensaver"
    name = "D-Bus ScreenSaver"

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = session_bus(environ)
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_bus(self._address)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`. Subscribes, asks, and then listens; in this order nothing is missed."""
        async with open_bus(self._address) as bus:
            for service in SERVICES:
                await bus.follow(service, "ActiveChanged")
                await bus.follow_owner(service)
            await self._follow(bus, report)

    async def _follow(self, bus: Bus, report: Report) -> None:
        """Ask every screensaver without waiting for it, and report what all of them make together."""
        asking = _Asking(bus)
        for service in SERVICES:
            await asking.ask(service)
        shows: dict[str, bool] = {}
        known = Reading({"screensaver": None, "screensaver_since": None})
        report(known)
        while True:
            answers, message = await asking.next()
            fields = message.header.fields
            says = fields.get(HeaderFields.signature) == "b"
            since = known.values["screensaver_since"]
            if answers and says:
                shows[answers] = bool(message.body[0])
            elif member(message) == "ActiveChanged" and says:
                since = self._clock() if not any(shows.values()) else since
                shows[fields[HeaderFields.interface]] = bool(message.body[0])
            elif (owner := new_owner(message)) is not None:
                service = message.body[0]
                shows.pop(service, None)
                if owner:
                    await asking.ask(service)
            on = any(shows.values()) if shows else None
            reading = Reading({"screensaver": on, "screensaver_since": since if on else None})
            if reading != known:
                known = reading
                report(known)


class _Asking:
    """Asks screensavers whether they show, and those that refuse once more."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._asked: dict[int, tuple[str, int]] = {}
        self._again: list[tuple[float, str, int]] = []

    async def ask(self, service: str, times: int = 0) -> None:
        """Ask `service`, which has been asked that many `times`; the answer comes as one of the next messages."""
        call = new_method_call(DBusAddress(SERVICES[service], service, service), "GetActive")
        self._asked[await self._bus.post(call)] = (service, times)

    async def next(self) -> tuple[str, Message]:
        """Return the next message and whose answer it is, "" for what is none."""
        while True:
            try:
                async with asyncio.timeout_at(self._again[0][0] if self._again else None):
                    message = await self._bus.next()
            except TimeoutError:
                _, service, times = heapq.heappop(self._again)
                await self.ask(service, times)
                continue
            fields = message.header.fields
            service, times = self._asked.pop(fields.get(HeaderFields.reply_serial, 0), ("", 0))
            if not service or fields.get(HeaderFields.error_name, NOBODY[0]) in NOBODY or times == len(PAUSES):
                return service, message
            at = asyncio.get_running_loop().time() + PAUSES[times]
            heapq.heappush(self._again, (at, service, times + 1))
