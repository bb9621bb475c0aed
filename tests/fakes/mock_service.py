"""Services of a desktop on a private bus, played by python-dbusmock, which has templates of the real ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fakes.screensaver_bus import SessionBus
from fakes.waiting import until
from jeepney import DBusAddress, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

PYTHON = "/usr/bin/python3"
MOCK = "org.freedesktop.DBus.Mock"

WHY_NOT = (
    None
    if Path("/usr/lib/python3/dist-packages/dbusmock").is_dir()
    else "python3-dbusmock is not installed (installers/linux/packages.sh test)"
)


def system_environ(bus: SessionBus) -> dict[str, str]:
    """An environment in which a private bus is the system's as well."""
    return {**bus.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus.address}


class MockService:
    """One service; `template` is one of dbusmock's own, such as logind."""

    def __init__(self, bus: SessionBus, name: str, path: str, interface: str, template: str = "") -> None:
        self._bus = bus
        self._name = name
        self._path = path
        self._interface = interface
        self._template = template

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Run until it is on the bus."""
        what = ("--template", self._template) if self._template else (self._name, self._path, self._interface)
        self._process = subprocess.Popen(
            [PYTHON, "-m", "dbusmock", *(() if self._template else ("--session",)), *what],
            env={"PATH": os.environ["PATH"], **system_environ(self._bus)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._control = open_dbus_connection(self._bus.address)
        daemon = "org.freedesktop.DBus"
        until(
            lambda: self._call(
                DBusAddress("/" + daemon.replace(".", "/"), daemon, daemon), "NameHasOwner", "s", self._name
            )[0]
        )

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self._control.close()

    def has(self, signature: str, **properties: Any) -> None:
        """Give it properties of one type."""
        for name, value in properties.items():
            self.mock("AddProperty", "ssv", self._interface, name, (signature, value))

    def change(self, signature: str, path: str = "", interface: str = "", **properties: Any) -> None:
        """Change properties of one type, and have it told."""
        values = {name: (signature, value) for name, value in properties.items()}
        self.mock("UpdateProperties", "sa{sv}", interface or self._interface, values, path=path)

    def answers(self, method: str, takes: str, gives: str, code: str) -> None:
        """Give it a method, or another body for one that it has; `code` is Python and sets `ret`."""
        self.mock("AddMethod", "sssss", self._interface, method, takes, gives, code)

    def tells(self, signal: str, signature: str = "", *arguments: Any) -> None:
        """Emit a signal."""
        values = [(one, value) for one, value in zip(signature, arguments, strict=True)]
        self.mock("EmitSignal", "sssav", self._interface, signal, signature, values)

    def call(self, method: str, signature: str = "", *arguments: Any) -> Any:
        """Call one of its own methods."""
        return self._call(DBusAddress(self._path, self._name, self._interface), method, signature, *arguments)

    def mock(self, method: str, signature: str, *arguments: Any, path: str = "") -> Any:
        """Call a method of dbusmock's own on one of its objects."""
        return self._call(DBusAddress(path or self._path, self._name, MOCK), method, signature, *arguments)

    def _call(self, address: DBusAddress, method: str, signature: str, *arguments: Any) -> Any:
        answer = self._control.send_and_get_reply(new_method_call(address, method, signature or None, arguments))
        assert answer.header.message_type is MessageType.method_return, answer.body
        return answer.body
