"""Whether the machine runs on its battery: UPower tells when that changes, else the kernel is asked now and then."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from jeepney import DBusAddress

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.dbus import PROPERTIES, Bus, follow_answer, system_bus, why_no_bus

SERVICE = "org.freedesktop.UPower"
UPOWER = DBusAddress("/org/freedesktop/UPower", SERVICE, SERVICE)

SUPPLIES = Path("/sys/class/power_supply")
PERIOD = 10.0
"""Seconds between two looks at the kernel's files."""

STORES = frozenset({"Battery", "UPS"})
"""Types of supplies that run empty. All others charge: Mains, Wireless, and USB with all its newer kinds."""


class UPower:
    """Asks UPower.

    Args:
        environ: names the system bus.
    """

    question = "power"
    name = "UPower"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = system_bus(environ)

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_bus(self._address)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""

        async def on_battery(bus: Bus) -> bool:
            return bool(await bus.get(UPOWER, "OnBattery"))

        changes = ((PROPERTIES, "PropertiesChanged", UPOWER.object_path),)
        await follow_answer(self._address, SERVICE, changes, on_battery, lambda on: report(Reading({"on_battery": on})))


class PowerSupplies:
    """Reads the kernel's files.

    Args:
        root: where they are.
        period: seconds between two looks.
    """

    question = "power"
    name = str(SUPPLIES)

    def __init__(self, root: Path = SUPPLIES, period: float = PERIOD) -> None:
        self._root = root
        self._period = period

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return None if self._root.is_dir() else f"there is no {self._root}"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        known: bool | None = None
        first = True
        while True:
            try:
                on = on_battery(self._root)
            except OSError as problem:
                raise SenseLost(str(problem)) from None
            if first or on is not known:
                known, first = on, False
                report(Reading({"on_battery": on}))
            await asyncio.sleep(self._period)


def on_battery(root: Path) -> bool | None:
    """Tell from the files of a folder like /sys/class/power_supply; see sysfs-class-power in the kernel's ABI.

    A laptop charged by USB-C has no supply of the type Mains; a wireless mouse has a battery, but its scope is Device.

    Returns:
        None if there is a battery and neither it nor a charger tells.

    Raises:
        OSError: the folder has gone.
    """
    supplies = [one for one in root.iterdir() if _read(one / "scope") != "Device"]
    stores = [one for one in supplies if _read(one / "type") in STORES]
    chargers = [_read(one / "online") for one in supplies if one not in stores]
    if not stores or any(online not in ("", "0") for online in chargers):
        return False
    states = {_read(one / "status") for one in stores}
    if "Discharging" in states:
        return True
    if states & {"Charging", "Full", "Not charging"}:
        return False
    return True if "0" in chargers else None


def _read(file: Path) -> str:
    """Return what the kernel writes there, "" for nothing."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
