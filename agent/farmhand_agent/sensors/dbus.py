# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""A conversation on a message bus, for one task: calls wait for their answers, signals wait to be asked for.

Whatever ends the conversation is a `SenseLost`. A service that is not there is not started, and one that refuses or
keeps silent raises `NoAnswer`, since not every question decides about a sense.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from jeepney import (
    DBusAddress,
    HeaderFields,
    MatchRule,
    Message,
    MessageFlag,
    MessageType,
    Properties,
    message_bus,
    new_method_call,
)
from jeepney.auth import BEGIN, AuthenticationError, Authenticator
from jeepney.bus import get_bus
from jeepney.io.asyncio import DBusConnection

from farmhand_agent.sensors.base import SenseLost

BUS = "org.freedesktop.DBus"
PROPERTIES = "org.freedesktop.DBus.Properties"
SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
ANSWER_WITHIN = 5.0
"""Seconds that a service may take; a hung one must not keep the next source from being tried."""

Change = tuple[str, str, str | None]
"""Interface and name of a signal, and its object; None for any."""

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """A service is not there, refuses, or keeps silent; the message says which."""


def session_bus(environ: Mapping[str, str]) -> str:
    """Return the address of the session bus, "" where there is none."""
    return environ.get("DBUS_SESSION_BUS_ADDRESS", "")


def system_bus(environ: Mapping[str, str]) -> str:
    """Return the address of the system bus."""
    return environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS


def why_no_bus(address: str) -> str | None:
    """Return why a bus cannot be reached, or None. Does not connect."""
    if not address:
        return "DBUS_SESSION_BUS_ADDRESS is not set"
    try:
        path = get_bus(address)
    except (RuntimeError, ValueError) as problem:
        return f"the message bus cannot be reached: {problem}"
    return None if path.startswith("\0") or Path(path).exists() else f"there is no message bus at {path}"


class Bus:
    """A connection to a message bus.

    Args:
        connection: authenticated, and nobody else's.
    """

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection
        self._signals: deque[Message] = deque()

    async def call(self, address: DBusAddress, method: str, signature: str = "", *arguments: Any) -> tuple[Any, ...]:
        """Call a method; return what it answers.

        Raises:
            NoAnswer: it refuses or does not answer in time.
        """
        return await self._ask(new_method_call(address, method, signature or None, arguments))

    async def get(self, address: DBusAddress, name: str) -> Any:
        """Return the value of a property.

        Raises:
            NoAnswer: there is none of that name, or no answer in time.
        """
        ((_, value),) = await self._ask(Properties(address).get(name))
        return value

    async def follow(self, interface: str, name: str, path: str | None = None, sender: str | None = None) -> None:
        """Have every signal of that interface and name sent, or only those of one object or service."""
        rule = MatchRule(type="signal", sender=sender, interface=interface, member=name, path=path)
        await self._ask(message_bus.AddMatch(rule))

    async def follow_owner(self, name: str) -> None:
        """Have a signal sent when a name on the bus gets another owner; see `new_owner`."""
        rule = MatchRule(type="signal", sender=BUS, interface=BUS, member="NameOwnerChanged")
        rule.add_arg_condition(0, name)
        await self._ask(message_bus.AddMatch(rule))

    async def signal(self) -> Message:
        """Return the next signal. Those that came during a call come after its answer, so that they may be older."""
        while (message := await self.next()).header.message_type is not MessageType.signal:
            pass
        return message

    async def next(self) -> Message:
        """Return the next message of any kind."""
        return self._signals.popleft() if self._signals else await self._connection.receive()

    async def post(self, call: Message) -> int:
        """Send a call without waiting; return the serial that its answer will bear."""
        call.header.flags = MessageFlag(call.header.flags | MessageFlag.no_auto_start)
        serial = int(next(self._connection.outgoing_serial))
        await self._connection.send(call, serial=serial)
        return serial

    async def _ask(self, call: Message) -> tuple[Any, ...]:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                serial = await self.post(call)
                while True:
                    message = await self._connection.receive()
                    if message.header.fields.get(HeaderFields.reply_serial) == serial:
                        break
                    if message.header.message_type is MessageType.signal:
                        self._signals.append(message)
        except TimeoutError:
            raise NoAnswer(f"{call.header.fields[HeaderFields.destination]} does not answer") from None
        if message.header.message_type is MessageType.error:
            raise NoAnswer(str(message.body[0]) if message.body else message.header.fields[HeaderFields.error_name])
        return tuple(message.body)


def member(signal: Message) -> str:
    """Return a signal's name; "" for what has none."""
    return str(signal.header.fields.get(HeaderFields.member, ""))


def new_owner(signal: Message) -> str | None:
    """Return who owns a name from now on, "" for nobody; None if the signal does not tell of that."""
    return str(signal.body[2]) if member(signal) == "NameOwnerChanged" else None


@asynccontextmanager
async def open_bus(address: str) -> AsyncGenerator[Bus]:
    """Connect to a message bus for the length of a block.

    Raises:
        SenseLost: it cannot be reached, or has gone during the block.
    """
    reason = why_no_bus(address)
    if reason:
        raise SenseLost(reason)
    try:
        reader, writer = await asyncio.open_unix_connection(get_bus(address))
    except OSError as problem:
        raise SenseLost(f"the message bus cannot be reached: {problem}") from None
    try:
        bus = Bus(DBusConnection(reader, writer))
        await _introduce(bus, reader, writer)
        yield bus
    except (OSError, EOFError):
        raise SenseLost("the message bus has gone") from None
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def follow_answer(
    address: str,
    service: str,
    changes: Sequence[Change],
    ask: Callable[[Bus], Awaitable[Answer]],
    tell: Callable[[Answer], None],
) -> None:
    """Ask a service, and again each time it tells of a change, until cancelled.

    Args:
        address: of the bus.
        service: its name there.
        changes: signals of that service after which the answer may be another.
        ask: puts the question.
        tell: takes the first answer, and every one that differs from the one before.

    Raises:
        SenseLost: the service or the bus has gone, or was never there.
    """
    async with open_bus(address) as bus:
        try:
            await bus.follow_owner(service)
            for interface, name, path in changes:
                await bus.follow(interface, name, path, service)
            known = await ask(bus)
            tell(known)
            while True:
                if new_owner(await bus.signal()) is not None:
                    raise SenseLost(f"{service} has gone")
                answer = await ask(bus)
                if answer != known:
                    known = answer
                    tell(known)
        except NoAnswer as none:
            raise SenseLost(str(none)) from None


async def _introduce(bus: Bus, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say who we are; the protocol is jeepney's, the connection ours, so that it is closed however this ends.

    Raises:
        SenseLost: the bus does not want us.
    """
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            authenticator = Authenticator()
            for line in authenticator:
                writer.write(line)
                said = await reader.read(1024)
                if not said:
                    raise EOFError
                authenticator.feed(said)
            writer.write(BEGIN)
        await bus.call(DBusAddress("/org/freedesktop/DBus", BUS, BUS), "Hello")
    except TimeoutError:
        raise SenseLost("the message bus does not answer") from None
    except (AuthenticationError, NoAnswer) as refusal:
        raise SenseLost(f"the message bus refuses: {refusal}") from None
