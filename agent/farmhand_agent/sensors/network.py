"""Whether the network is paid for by the byte, as NetworkManager knows or guesses."""

from __future__ import annotations

import os
from collections.abc import Mapping

from jeepney import DBusAddress

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report
from farmhand_agent.sensors.dbus import PROPERTIES, Bus, follow_answer, system_bus, why_no_bus

SERVICE = "org.freedesktop.NetworkManager"
MANAGER = DBusAddress("/org/freedesktop/NetworkManager", SERVICE, SERVICE)

METERED = {1: True, 2: False, 3: True, 4: False}
"""NMMetered: yes, no, guessed yes, guessed no; 0 is unknown."""


class NetworkManager:
    """Asks NetworkManager.

    Args:
        environ: names the system bus.
    """

    question = "network"
    name = "NetworkManager"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = system_bus(environ)

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_bus(self._address)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""

        async def metered(bus: Bus) -> bool | None:
            return METERED.get(await bus.get(MANAGER, "Metered"))

        changes = ((PROPERTIES, "PropertiesChanged", MANAGER.object_path),)
        await follow_answer(self._address, SERVICE, changes, metered, lambda now: report(Reading({"metered": now})))
