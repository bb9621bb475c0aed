"""A private session bus, and a screensaver on it that obeys the test."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from types import TracebackType
from typing import Self

from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool
from dbus_fast.service import ServiceInterface, dbus_method, dbus_signal


class SessionBus:
    """A real dbus-daemon on a socket of its own, which may be killed and started again."""

    def __enter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="farmhand-bus-")
        self.address = f"unix:path={self._folder}/bus"
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Run until it listens."""
        started = subprocess.run(
            ["dbus-daemon", "--session", "--fork", f"--address={self.address}", "--print-pid=1"],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._pid: int | None = int(started.stdout)

    def kill(self) -> None:
        """End it at once."""
        if self._pid is not None:
            self.send(signal.SIGKILL)
            self._pid = None

    def send(self, number: int) -> None:
        """Send it a signal of the system, such as SIGSTOP."""
        assert self._pid is not None
        os.kill(self._pid, number)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a session on it."""
        return {"DBUS_SESSION_BUS_ADDRESS": self.address}


class _Interface(ServiceInterface):
    def __init__(self, name: str, knows: bool) -> None:
        super().__init__(name)
        self.active = False
        self.knows = knows
        self.asked = asyncio.Event()

    @dbus_method()
    def GetActive(self) -> DBusBool:
        self.asked.set()
        if not self.knows:
            raise RuntimeError("not supported")
        return self.active

    @dbus_signal()
    def ActiveChanged(self) -> DBusBool:
        return self.active


class ScreenSaver:
    """A screensaver called `name`; one that does not `know` answers GetActive with an error."""

    def __init__(self, bus: SessionBus, name: str, active: bool = False, knows: bool = True) -> None:
        self._address = bus.address
        self._name = name
        self._interface = _Interface(name, knows)
        self._interface.active = active

    async def __aenter__(self) -> Self:
        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.export("/" + self._name.replace(".", "/"), self._interface)
        await self._bus.request_name(self._name)
        return self

    async def __aexit__(self, _: type[BaseException] | None, __: BaseException | None, ___: object) -> None:
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()

    async def was_asked(self) -> None:
        """Wait until somebody has asked."""
        await self._interface.asked.wait()

    def learn(self) -> None:
        """Know from now on."""
        self._interface.knows = True

    def show(self, active: bool) -> None:
        """Turn it on or off."""
        self._interface.active = active
        self._interface.ActiveChanged()
