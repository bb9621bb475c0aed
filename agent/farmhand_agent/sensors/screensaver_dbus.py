# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Whether a desktop's screensaver shows or its lock screen is up, by the signal that all of them send.

GNOME, MATE, Cinnamon, Xfce and KDE each own a name of their own on the session bus and all emit `ActiveChanged(b)`. At
the start each is asked once, without starting any. One that leaves the bus is forgotten: it can no longer say no.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from jeepney import DBusAddress, HeaderFields, new_method_call

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
        asked = {await _ask(bus, service): service for service in SERVICES}
        shows: dict[str, bool] = {}
        known = Reading({"screensaver": None, "screensaver_since": None})
        report(known)
        while True:
            message = await bus.next()
            fields = message.header.fields
            answers = asked.pop(fields.get(HeaderFields.reply_serial, 0), "")
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
                    asked[await _ask(bus, service)] = service
            on = any(shows.values()) if shows else None
            reading = Reading({"screensaver": on, "screensaver_since": since if on else None})
            if reading != known:
                known = reading
                report(known)


async def _ask(bus: Bus, service: str) -> int:
    """Ask the screensaver of `service` whether it shows; return the serial that the answer will bear."""
    return await bus.post(new_method_call(DBusAddress(SERVICES[service], service, service), "GetActive"))
