"""Whether the machine runs on its battery, and how much that holds: UPower tells of changes, or the kernel is asked.

Several batteries count as one large one. UPower adds them up itself, in what it calls its display device.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jeepney import DBusAddress

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.dbus import PROPERTIES, Bus, NoAnswer, follow_answer, system_bus, why_no_bus
from farmhand_agent.ticks import tick

SERVICE = "org.freedesktop.UPower"
UPOWER = DBusAddress("/org/freedesktop/UPower", SERVICE, SERVICE)
BATTERIES = DBusAddress("/org/freedesktop/UPower/devices/DisplayDevice", SERVICE, f"{SERVICE}.Device")

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

        async def look(bus: Bus) -> tuple[bool, int | None]:
            return bool(await bus.get(UPOWER, "OnBattery")), await _held(bus)

        def tell(known: tuple[bool, int | None]) -> None:
            report(Reading({"on_battery": known[0], "charge": known[1]}))

        changes = [(PROPERTIES, "PropertiesChanged", one.object_path) for one in (UPOWER, BATTERIES)]
        await follow_answer(self._address, SERVICE, changes, look, tell)


async def _held(bus: Bus) -> int | None:
    """Return what the batteries hold, in percent; None where there is none or nobody adds them up."""
    try:
        present, percentage = await bus.get(BATTERIES, "IsPresent"), await bus.get(BATTERIES, "Percentage")
    except NoAnswer:
        return None
    return int(percentage) if present else None


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
        known: dict[str, Any] = {}
        while True:
            try:
                seen = {"on_battery": on_battery(self._root), "charge": charge(self._root)}
            except OSError as problem:
                raise SenseLost(str(problem)) from None
            if seen != known:
                known = seen
                report(Reading(seen))
            await tick(self._period)


def on_battery(root: Path) -> bool | None:
    """Tell from the files of a folder like /sys/class/power_supply; see sysfs-class-power in the kernel's ABI.

    A laptop charged by USB-C has no supply of the type Mains; a wireless mouse has a battery, but its scope is Device.

    Returns:
        None if there is a battery and neither it nor a charger tells.

    Raises:
        OSError: the folder has gone.
    """
    stores, others = _supplies(root)
    chargers = [_read(one / "online") for one in others]
    if not stores or any(online not in ("", "0") for online in chargers):
        return False
    states = {_read(one / "status") for one in stores}
    if "Discharging" in states:
        return True
    if states & {"Charging", "Full", "Not charging"}:
        return False
    return True if "0" in chargers else None


def charge(root: Path) -> int | None:
    """Return what all batteries hold together, in percent: by energy or by charge, else the mean of their own figures.

    Returns:
        None if there is no battery, or one does not tell.

    Raises:
        OSError: the folder has gone.
    """
    stores = [one for one in _supplies(root)[0] if _read(one / "present") != "0"]
    for what in ("energy", "charge"):
        now, full = ([_number(one / f"{what}_{when}") for one in stores] for when in ("now", "full"))
        if None not in (*now, *full) and sum(one or 0 for one in full) > 0:
            return min(100, 100 * sum(one or 0 for one in now) // sum(one or 0 for one in full))
    told = [_number(one / "capacity") for one in stores]
    return None if None in told or not told else min(100, sum(one or 0 for one in told) // len(told))


def _supplies(root: Path) -> tuple[list[Path], list[Path]]:
    """Return what stores power for this machine, and what else supplies it; a mouse's battery is neither."""
    own = [one for one in root.iterdir() if _read(one / "scope") != "Device"]
    stores = [one for one in own if _read(one / "type") in STORES]
    return stores, [one for one in own if one not in stores]


def _number(file: Path) -> int | None:
    """Return the whole number that the kernel writes there; None for anything else."""
    written = _read(file)
    return int(written) if written.isdecimal() else None


def _read(file: Path) -> str:
    """Return what the kernel writes there, "" for nothing."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
