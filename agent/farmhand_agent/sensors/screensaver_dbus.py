# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Whether a desktop's screensaver shows or its lock screen is up, by the signal that all of them send.

GNOME, MATE, Cinnamon, Xfce and KDE each own a name of their own on the session bus and all emit `ActiveChanged(b)`. At
the start each is asked once, without starting any. One that leaves the bus is forgotten: it can no longer say no.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from jeepney import DBusAddress, HeaderFields, MatchRule, MessageFlag, message_bus, new_method_call
from jeepney.bus import get_bus
from jeepney.io.asyncio import DBusConnection, open_dbus_connection

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost

SERVICES = {
    "org.freedesktop.ScreenSaver": "/org/freedesktop/ScreenSaver",
    "org.gnome.ScreenSaver": "/org/gnome/ScreenSaver",
    "org.mate.ScreenSaver": "/org/mate/ScreenSaver",
    "org.cinnamon.ScreenSaver": "/org/cinnamon/ScreenSaver",
    "org.xfce.ScreenSaver": "/org/xfce/ScreenSaver",
}
"""Bus name, which is the interface as well, and the object to ask."""

BUS = "org.freedesktop.DBus"
BUS_VARIABLE = "DBUS_SESSION_BUS_ADDRESS"


class DBusScreenSaver:
    """Watches the screensavers on the session bus.

    Args:
        environ: names the bus.
        clock: monotonic seconds.
    """

    question = "screensaver"
    name = "D-Bus ScreenSaver"

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = environ.get(BUS_VARIABLE, "")
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        if not self._address:
            return f"{BUS_VARIABLE} is not set"
        try:
            path = get_bus(self._address)
        except (RuntimeError, ValueError) as problem:
            return f"the session bus cannot be reached: {problem}"
        return None if path.startswith("\0") or Path(path).exists() else f"there is no session bus at {path}"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        try:
            connection = await open_dbus_connection(self._address)
        except (OSError, EOFError, TimeoutError) as problem:
            raise SenseLost(f"the session bus cannot be reached: {problem}") from None
        try:
            await self._follow(connection, report)
        except (OSError, EOFError):
            raise SenseLost("the session bus has gone") from None
        finally:
            with suppress(OSError):
                await connection.close()

    async def _follow(self, connection: DBusConnection, report: Report) -> None:
        """Subscribe, ask, and then listen; in this order nothing is missed."""
        for service in SERVICES:
            for rule in _rules(service):
                await connection.send(message_bus.AddMatch(rule))
        asked = {await _ask(connection, service): service for service in SERVICES}
        shows: dict[str, bool] = {}
        known = Reading({"screensaver": None, "screensaver_since": None})
        report(known)
        while True:
            message = await connection.receive()
            fields = message.header.fields
            answers = asked.pop(fields.get(HeaderFields.reply_serial, 0), "")
            says = fields.get(HeaderFields.signature) == "b"
            since = known.values["screensaver_since"]
            if answers and says:
                shows[answers] = bool(message.body[0])
            elif fields.get(HeaderFields.member) == "ActiveChanged" and says:
                since = self._clock() if not any(shows.values()) else since
                shows[fields[HeaderFields.interface]] = bool(message.body[0])
            elif fields.get(HeaderFields.member) == "NameOwnerChanged":
                service, _, owner = message.body
                shows.pop(service, None)
                if owner:
                    asked[await _ask(connection, service)] = service
            on = any(shows.values()) if shows else None
            reading = Reading({"screensaver": on, "screensaver_since": since if on else None})
            if reading != known:
                known = reading
                report(known)


def _rules(service: str) -> tuple[MatchRule, MatchRule]:
    """What to hear: the screensaver turning on or off, and leaving or entering the bus."""
    owner = MatchRule(type="signal", sender=BUS, interface=BUS, member="NameOwnerChanged")
    owner.add_arg_condition(0, service)
    return MatchRule(type="signal", interface=service, member="ActiveChanged"), owner


async def _ask(connection: DBusConnection, service: str) -> int:
    """Ask the screensaver of `service` whether it shows; return the serial that the answer will bear."""
    call = new_method_call(DBusAddress(SERVICES[service], service, service), "GetActive")
    call.header.flags = MessageFlag(call.header.flags | MessageFlag.no_auto_start)
    serial = int(next(connection.outgoing_serial))
    await connection.send(call, serial=serial)
    return serial
