"""Whether the network is paid for by the byte, and whether it goes through a VPN, as NetworkManager knows or guesses.

A VPN is what NetworkManager calls one, and any connection by WireGuard. Tunnels that other programs have made are
listed as "tun", and so are the network cards of virtual machines: they count only where the default route goes through
them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from jeepney import DBusAddress

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report
from farmhand_agent.sensors.dbus import PROPERTIES, Bus, NoAnswer, follow_answer, system_bus, why_no_bus

SERVICE = "org.freedesktop.NetworkManager"
MANAGER = DBusAddress("/org/freedesktop/NetworkManager", SERVICE, SERVICE)

METERED = {1: True, 2: False, 3: True, 4: False}
"""NMMetered: yes, no, guessed yes, guessed no; 0 is unknown."""

ACTIVE = f"{SERVICE}.Connection.Active"
"""The interface of a connection that is up or coming up."""


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

        async def look(bus: Bus) -> tuple[bool | None, bool | None]:
            return METERED.get(await bus.get(MANAGER, "Metered")), await _goes_through_vpn(bus)

        def tell(known: tuple[bool | None, bool | None]) -> None:
            report(Reading({"metered": known[0], "vpn": known[1]}))

        changes = ((PROPERTIES, "PropertiesChanged", MANAGER.object_path),)
        await follow_answer(self._address, SERVICE, changes, look, tell)


async def _goes_through_vpn(bus: Bus) -> bool | None:
    """Tell from all active connections; None where NetworkManager lists none."""
    try:
        paths = await bus.get(MANAGER, "ActiveConnections")
    except NoAnswer:
        return None
    for path in paths:
        connection = DBusAddress(path, SERVICE, ACTIVE)
        try:
            kind = await bus.get(connection, "Type")
            if kind in ("vpn", "wireguard") or await bus.get(connection, "Vpn"):
                return True
            if kind == "tun" and (await bus.get(connection, "Default") or await bus.get(connection, "Default6")):
                return True
        except NoAnswer:
            continue  # it has gone since it was listed
    return False
