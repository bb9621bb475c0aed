"""Whether a program holds off the screensaver, as those do that show films, calls and talks.

Three services keep such requests; which of them a program asks depends on the desktop. Each is a source of its own, and
one that knows of a request is enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jeepney import DBusAddress

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report
from farmhand_agent.sensors.dbus import (
    PROPERTIES,
    Bus,
    Change,
    follow_answer,
    session_bus,
    system_bus,
    why_no_bus,
)

SOMEBODY = "a program holds off the screensaver"


@dataclass(frozen=True, slots=True)
class Keeper:
    """A service that keeps such requests.

    Attributes:
        name: as the owner reads it.
        bus: finds the address of the bus that it is on.
        service: its name there.
        address: of its object.
        ask: method and arguments that ask for requests.
        changes: signals of a request made or ended.
        says: turns the answer into what the owner reads; "" for no request.
    """

    name: str
    bus: Callable[[Mapping[str, str]], str]
    service: str
    address: DBusAddress
    ask: tuple[Any, ...]
    changes: tuple[Change, ...]
    says: Callable[[Any], str]


def _who_holds_off_idling(inhibitors: Any) -> str:
    """Read logind's list of (what, who, why, mode, user, process); what is words with colons between."""
    for what, who, why, mode, _, _ in inhibitors:
        if mode == "block" and "idle" in what.split(":"):
            return f"{who} holds off the screensaver: {why}"
    return ""


def _if_so(held: Any) -> str:
    return SOMEBODY if held else ""


_GNOME = "org.gnome.SessionManager"
_GNOME_PATH = "/org/gnome/SessionManager"
_POWER = "org.freedesktop.PowerManagement.Inhibit"
_POWER_PATH = "/org/freedesktop/PowerManagement/Inhibit"
_LOGIND = "org.freedesktop.login1"
_LOGIND_PATH = "/org/freedesktop/login1"

GNOME_IDLE = 8
"""GNOME's flag for requests that the session shall not count as idle."""

KEEPERS = (
    Keeper(
        "logind inhibitors",
        system_bus,
        _LOGIND,
        DBusAddress(_LOGIND_PATH, _LOGIND, f"{_LOGIND}.Manager"),
        ask=("ListInhibitors",),
        changes=((PROPERTIES, "PropertiesChanged", _LOGIND_PATH),),
        says=_who_holds_off_idling,
    ),
    Keeper(
        "GNOME inhibitors",
        session_bus,
        _GNOME,
        DBusAddress(_GNOME_PATH, _GNOME, _GNOME),
        ask=("IsInhibited", "u", GNOME_IDLE),
        changes=((_GNOME, "InhibitorAdded", _GNOME_PATH), (_GNOME, "InhibitorRemoved", _GNOME_PATH)),
        says=_if_so,
    ),
    Keeper(
        "desktop inhibitors",
        session_bus,
        _POWER,
        DBusAddress(_POWER_PATH, _POWER, _POWER),
        ask=("HasInhibit",),
        changes=((_POWER, "HasInhibitChanged", _POWER_PATH),),
        says=_if_so,
    ),
)


class Inhibitors:
    """Asks one keeper.

    Args:
        keeper: to ask.
        environ: names the buses.
    """

    question = "presenting"

    def __init__(self, keeper: Keeper, environ: Mapping[str, str] = os.environ) -> None:
        self.name = keeper.name
        self._keeper = keeper
        self._address = keeper.bus(environ)

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_bus(self._address)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        keeper = self._keeper

        async def held(bus: Bus) -> str:
            (answer,) = await bus.call(keeper.address, *keeper.ask)
            return keeper.says(answer)

        await follow_answer(
            self._address, keeper.service, keeper.changes, held, lambda says: report(Reading({"presenting": says}))
        )
