"""Whether the network goes through a VPN, by the kernel's own lists: for machines without NetworkManager.

A WireGuard device that is up counts, whatever goes through it: its routes are often in a table of their own, which
these lists do not show. Any other tunnel counts where a default route goes through it, or one of the two halves of the
internet, by which OpenVPN goes before a default route without replacing it. Nothing here tells of metered networks.

The kernel tells of each change of a device or route, see rtnetlink(7); then the lists are read again.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.traces.processes import readable

SETTLE = 0.5
"""Seconds from a change to the look: changes come in rows."""

LINKS, ROUTES, ROUTES_6 = 0x1, 0x40, 0x400
"""Groups of rtnetlink(7): RTMGRP_LINK, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_ROUTE."""

IFF_UP = 1
"""Bit of a device's flags, see netdevice(7)."""

WIDE_MASKS = ("00000000", "00000080")
"""Masks of /0 and /1 as /proc/net/route writes them, the first byte last."""

WIDE_PREFIXES = ("00", "01")
"""The same in /proc/net/ipv6_route."""


def changes() -> socket.socket:
    """Return a socket that can be read after each change of a device or route of this network.

    Raises:
        OSError: the kernel tells nobody.
    """
    told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        told.bind((0, LINKS | ROUTES | ROUTES_6))
    except OSError:
        told.close()
        raise
    return told


class Routes:
    """Reads the kernel's lists of devices and routes.

    Args:
        devices: where devices are.
        proc_net: where routes are.
        listen: opens a socket that can be read after each change.
        settle: seconds from a change to the look.
    """

    question = "network"
    name = "the kernel's routes"

    def __init__(
        self,
        devices: Path = Path("/sys/class/net"),
        proc_net: Path = Path("/proc/net"),
        listen: Callable[[], socket.socket] = changes,
        settle: float = SETTLE,
    ) -> None:
        self._devices = devices
        self._proc_net = proc_net
        self._listen = listen
        self._settle = settle

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        missing = [place for place in (self._devices, self._proc_net / "route") if not place.exists()]
        return f"there is no {missing[0]}" if missing else None

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        known: bool | None = None
        try:
            with self._listen() as told:
                while True:
                    seen = goes_through_vpn(self._devices, self._proc_net)
                    if seen is not known:
                        known = seen
                        report(Reading({"vpn": seen}))
                    await readable(told.fileno())
                    await asyncio.sleep(self._settle)
                    _forget(told)
        except OSError as problem:
            raise SenseLost(str(problem)) from None


def _forget(told: socket.socket) -> None:
    """Throw away what was told, also that some of it was lost (ENOBUFS)."""
    with suppress(BlockingIOError):
        while True:
            try:
                told.recv(1 << 16)
            except OSError as problem:
                if problem.errno != errno.ENOBUFS:
                    raise


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
