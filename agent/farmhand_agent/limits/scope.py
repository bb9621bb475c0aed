"""Asks systemd for a part of the tree of control groups: a scope that is ours to divide ("delegated").

A user's systemd answers for a user, the machine's for root. The scope lies right below the top of what that systemd
manages, and yields there: a weight counts among siblings only, and deeper down the boxes would share in the part of
this agent's own unit. See systemd.resource-control(5) and org.freedesktop.systemd1(5).

A user's bus may be there before their systemd has come to it: who speaks first, such as an agent that starts with the
session, starts the bus, and only then systemd connects. So its name is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jeepney import DBusAddress

from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.dbus import BUS, Bus, NoAnswer, member, new_owner, open_bus, session_bus, system_bus

SERVICE = "org.freedesktop.systemd1"
INTERFACE = "org.freedesktop.systemd1.Manager"
MANAGER = DBusAddress("/org/freedesktop/systemd1", SERVICE, INTERFACE)
NAMES = DBusAddress("/org/freedesktop/DBus", BUS, BUS)

TOP_SLICE = "-.slice"
IDLE = 0
"""How the interface spells `CPUWeight=idle`; systemd before 252 refuses it."""

DONE_WITHIN = 5.0
"""Seconds that making the scope may take."""

COMES_WITHIN = 3.0
"""Seconds in which systemd must have come to its bus."""


class NoScope(Exception):
    """There is no systemd to ask, or it refuses; the message says why."""


def runs_systemd(run: Path = Path("/run")) -> bool:
    """Whether systemd manages this machine, see sd_booted(3)."""
    return (run / "systemd/system").is_dir()


def manager_bus(environ: Mapping[str, str], root: bool) -> str:
    """The address of the bus on which the systemd that would serve us answers; "" where there is none."""
    own = Path(environ.get("XDG_RUNTIME_DIR", "")) / "bus"
    if root:
        return system_bus(environ)
    return f"unix:path={own}" if own.is_absolute() and own.exists() else session_bus(environ)


async def open_scope(address: str, name: str, pid: int) -> None:
    """Have a scope made round a process.

    Args:
        address: of the bus, see `manager_bus`.
        name: of the scope, ending with ".scope".
        pid: the process; the scope ends with the last one in it.

    Raises:
        NoScope: it was not made.
    """
    try:
        async with asyncio.timeout(COMES_WITHIN + DONE_WITHIN), open_bus(address) as bus:
            await _has_come(bus)
            await bus.follow(INTERFACE, "JobRemoved")
            await bus.call(MANAGER, "Subscribe")
            try:
                job = await _start(bus, name, pid, IDLE)
            except NoAnswer:
                job = await _start(bus, name, pid, 1)
            while True:
                signal = await bus.signal()
                if member(signal) == "JobRemoved" and signal.body[1] == job:
                    break
    except TimeoutError:
        raise NoScope("systemd did not answer in time") from None
    except (SenseLost, NoAnswer) as wrong:
        raise NoScope(f"systemd gives none: {wrong}") from None
    if signal.body[3] != "done":
        raise NoScope(f"systemd gives none: its job ended as {signal.body[3]!r}")


async def attach(address: str, name: str, pid: int, group: str) -> None:
    """Have a process moved into a group below a scope, from wherever it is.

    Raises:
        OSError: it was not moved.
    """
    try:
        async with open_bus(address) as bus:
            await bus.call(MANAGER, "AttachProcessesToUnit", "ssau", name, group, [pid])
    except (SenseLost, NoAnswer) as wrong:
        raise OSError(f"systemd does not move process {pid} to {name}: {wrong}") from None


async def _has_come(bus: Bus) -> None:
    """Wait for systemd, for a while; without it the next call is refused and tells so."""
    await bus.follow_owner(SERVICE)
    (there,) = await bus.call(NAMES, "NameHasOwner", "s", SERVICE)
    with suppress(TimeoutError):
        async with asyncio.timeout(COMES_WITHIN):
            while not there:
                there = new_owner(await bus.signal())


async def _start(bus: Bus, name: str, pid: int, weight: int) -> str:
    """Ask for the scope; return the job that makes it."""
    properties: list[tuple[str, tuple[str, Any]]] = [
        ("Description", ("s", "Compile jobs of Farmhand")),
        ("Slice", ("s", TOP_SLICE)),
        ("Delegate", ("b", True)),
        ("CPUWeight", ("t", weight)),
        ("CollectMode", ("s", "inactive-or-failed")),
        ("PIDs", ("au", [pid])),
    ]
    (job,) = await bus.call(MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", name, "fail", properties, [])
    return str(job)
