"""Whether the network goes through a VPN, by the kernel's own lists: for machines without NetworkManager.

A WireGuard device that is up counts, whatever goes through it: its routes are often in a table of their own, which
these lists do not show. Any other tunnel counts where a default route goes through it, or one of the two halves of the
internet, by which OpenVPN goes before a default route without replacing it. Nothing here tells of metered networks.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost

PERIOD = 10.0
"""Seconds between two looks."""

IFF_UP = 1
"""Bit of a device's flags, see netdevice(7)."""

WIDE_MASKS = ("00000000", "00000080")
"""Masks of /0 and /1 as /proc/net/route writes them, the first byte last."""

WIDE_PREFIXES = ("00", "01")
"""The same in /proc/net/ipv6_route."""


class Routes:
    """Reads the kernel's lists of devices and routes.

    Args:
        devices: where devices are.
        proc_net: where routes are.
        period: seconds between two looks.
    """

    question = "network"
    name = "the kernel's routes"

    def __init__(
        self, devices: Path = Path("/sys/class/net"), proc_net: Path = Path("/proc/net"), period: float = PERIOD
    ) -> None:
        self._devices = devices
        self._proc_net = proc_net
        self._period = period

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        missing = [place for place in (self._devices, self._proc_net / "route") if not place.exists()]
        return f"there is no {missing[0]}" if missing else None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        known: bool | None = None
        while True:
            try:
                seen = goes_through_vpn(self._devices, self._proc_net)
            except OSError as problem:
                raise SenseLost(str(problem)) from None
            if seen is not known:
                known = seen
                report(Reading({"vpn": seen}))
            await asyncio.sleep(self._period)


def goes_through_vpn(devices: Path, proc_net: Path) -> bool:
    """Tell from the lists as they are now.

    Raises:
        OSError: they have gone.
    """
    widest = _widest(proc_net)
    return any(_is_wireguard(one) or (one.name in widest and (one / "tun_flags").exists()) for one in devices.iterdir())


def _is_wireguard(device: Path) -> bool:
    up = int(_read(device / "flags") or "0", 16) & IFF_UP
    return bool(up) and "DEVTYPE=wireguard" in _read(device / "uevent").split()


def _widest(proc_net: Path) -> set[str]:
    """Return the devices through which routes to everywhere go; see proc_net(5) for the columns."""
    four = [line.split() for line in (proc_net / "route").read_text().splitlines()[1:]]
    six = [line.split() for line in _read(proc_net / "ipv6_route").splitlines()]
    return {words[0] for words in four if len(words) > 7 and words[7] in WIDE_MASKS} | {
        words[9] for words in six if len(words) > 9 and words[1] in WIDE_PREFIXES
    }


def _read(file: Path) -> str:
    """Return what the kernel writes there, "" for nothing."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""
