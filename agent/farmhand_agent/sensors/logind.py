# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Sleep, shutdown and locked sessions, as systemd-logind or elogind tell of them.

The machine's sleep is held up by an inhibitor of the kind "delay" until everything foreign has been given back; logind
waits for five seconds at most. The order: hear that sleep comes, report it, wait until the agent says it is ready, let
go. After waking a new inhibitor is taken, and the waking is reported, for what was known before is old. Shutdown is not
held up: what runs is killed by it soon enough.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.auth import AuthenticationError
from jeepney.fds import FileDescriptor
from jeepney.io.blocking import open_dbus_connection

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.dbus import (
    ANSWER_WITHIN,
    PROPERTIES,
    Bus,
    NoAnswer,
    follow_answer,
    new_owner,
    open_bus,
    system_bus,
    why_no_bus,
)

SERVICE = "org.freedesktop.login1"
MANAGER_PATH, MANAGER_INTERFACE = "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
MANAGER = DBusAddress(MANAGER_PATH, SERVICE, MANAGER_INTERFACE)
OWN_USER = DBusAddress("/org/freedesktop/login1/user/self", SERVICE, "org.freedesktop.login1.User")
SESSION = "org.freedesktop.login1.Session"

HOLD_UP = 4.5
"""Seconds for which sleep is held up at most; at five logind loses its patience (InhibitDelayMaxSec)."""

CONNECT_WITHIN = 0.5
"""Seconds for the bus to let us in, during which nothing else is done."""

ReadyToSleep = Callable[[], Awaitable[None]]
"""Returns once nothing foreign runs here any more."""


async def nothing_to_do() -> None:
    """Be ready at once."""


class Sleep:
    """Tells when the machine goes to sleep or is shut down, and holds sleep up until it has been given back.

    Args:
        ready: awaited after "sleeping" was reported and before the machine may sleep.
        environ: names the system bus.
        clock: monotonic seconds.
    """

    question = "sleep"
    name = "logind"

    def __init__(
        self,
        ready: ReadyToSleep = nothing_to_do,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ready = ready
        self._address = system_bus(environ)
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_bus(self._address)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        async with open_bus(self._address) as bus:
            try:
                await bus.follow_owner(SERVICE)
                for coming in ("PrepareForSleep", "PrepareForShutdown"):
                    await bus.follow(MANAGER_INTERFACE, coming, MANAGER_PATH)
                going = await bus.get(MANAGER, "PreparingForSleep")
                ending = await bus.get(MANAGER, "PreparingForShutdown")
            except NoAnswer as none:
                raise SenseLost(str(none)) from None
            report(Reading({"sleeping": bool(going), "shutting_down": bool(ending)}))
            await self._follow(bus, report)

    async def _follow(self, bus: Bus, report: Report) -> None:
        """Go to sleep and wake with the machine."""
        inhibitor = await _hold_up_sleep(self._address)
        try:
            while True:
                signal = await bus.signal()
                if new_owner(signal) is not None:
                    raise SenseLost(f"{SERVICE} has gone")
                if signal.header.fields.get(HeaderFields.signature) != "b":
                    continue
                if signal.header.fields.get(HeaderFields.member) == "PrepareForShutdown":
                    report(Reading({"shutting_down": bool(signal.body[0])}))
                elif signal.body[0]:
                    report(Reading({"sleeping": True}))
                    await _at_most(HOLD_UP, self._ready())
                    _let_go(inhibitor)
                else:
                    _let_go(inhibitor)
                    report(Reading({"sleeping": False, "woke_at": self._clock()}))
                    inhibitor = await _hold_up_sleep(self._address)
        finally:
            _let_go(inhibitor)


class SessionLock:
    """Tells whether the session is locked, as far as its desktop lets logind know.

    Args:
        environ: names the session and the system bus.
        clock: monotonic seconds.
    """

    question = "screensaver"
    name = "logind LockedHint"

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = system_bus(environ)
        self._session = environ.get("XDG_SESSION_ID", "")
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_bus(self._address)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        known: bool | None = None

        async def is_locked(bus: Bus) -> bool:
            return bool(await bus.get(await own_session(bus, self._session), "LockedHint"))

        def tell(locked: bool) -> None:
            nonlocal known
            seen_coming = locked and known is False
            known = locked
            report(Reading({"screensaver": locked, "screensaver_since": self._clock() if seen_coming else None}))

        changes = ((PROPERTIES, "PropertiesChanged", None),)
        await follow_answer(self._address, SERVICE, changes, is_locked, tell)


async def own_session(bus: Bus, named: str) -> DBusAddress:
    """Return the session's object: the one `named` in the environment, else the user's graphical one.

    Raises:
        NoAnswer: there is none.
    """
    if named:
        (path,) = await bus.call(MANAGER, "GetSession", "s", named)
    else:
        _, path = await bus.get(OWN_USER, "Display")
    if path == "/":
        raise NoAnswer("this user has no graphical session")
    return DBusAddress(str(path), SERVICE, SESSION)


async def _hold_up_sleep(address: str) -> FileDescriptor | None:
    """Take an inhibitor: sleep waits while the descriptor is open. None where logind refuses.

    The descriptor comes with the answer, which jeepney takes on its blocking connection only; so nothing is read from
    it before there is something to read.
    """
    call = new_method_call(
        MANAGER, "Inhibit", "ssss", ("sleep", "Farmhand", "Giving this machine back to you", "delay")
    )
    try:
        with open_dbus_connection(address, enable_fds=True, auth_timeout=CONNECT_WITHIN) as connection:
            serial = next(connection.outgoing_serial)
            connection.send(call, serial=serial)
            async with asyncio.timeout(ANSWER_WITHIN):
                while True:
                    await _readable(connection.sock.fileno())
                    answer = connection.receive(timeout=0)
                    if answer.header.fields.get(HeaderFields.reply_serial) == serial:
                        break
    except (OSError, EOFError, TimeoutError, AuthenticationError):
        return None
    return answer.body[0] if answer.header.message_type is MessageType.method_return else None


def _let_go(inhibitor: FileDescriptor | None) -> None:
    if inhibitor is not None:
        inhibitor.close()


async def _at_most(seconds: float, waiting: Awaitable[Any]) -> None:
    """Await, but not for longer."""
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
