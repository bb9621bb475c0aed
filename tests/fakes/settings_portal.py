"""The part of a desktop's portal that tells dark from light. As a program it stays dark until a line on stdin."""

import asyncio
import sys
from typing import Annotated

from dbus_fast import Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusSignature, DBusStr, DBusVariant
from dbus_fast.service import ServiceInterface, dbus_method, dbus_signal

NAMESPACE, KEY = "org.freedesktop.appearance", "color-scheme"


class Settings(ServiceInterface):
    """`org.freedesktop.portal.Settings` with one setting."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.portal.Settings")
        self.scheme = 1

    @dbus_method()
    def Read(self, namespace: DBusStr, key: DBusStr) -> DBusVariant:
        assert (namespace, key) == (NAMESPACE, KEY)
        return Variant("v", Variant("u", self.scheme))

    @dbus_signal()
    def SettingChanged(
        self, namespace: str, key: str, value: Variant
    ) -> Annotated[tuple[str, str, Variant], DBusSignature("ssv")]:
        return (namespace, key, value)

    def change(self, scheme: int) -> None:
        """Turn the desktop light (0) or dark (1), after another setting has changed."""
        self.scheme = scheme
        self.SettingChanged("org.gnome.desktop.interface", "font-name", Variant("s", "Sans 10"))
        self.SettingChanged(NAMESPACE, KEY, Variant("u", scheme))


async def serve() -> None:
    """Be the portal of the session bus."""
    bus = await MessageBus().connect()
    settings = Settings()
    bus.export("/org/freedesktop/portal/desktop", settings)
    await bus.request_name("org.freedesktop.portal.Desktop")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    settings.change(0)
    await bus.wait_for_disconnect()


if __name__ == "__main__":
    asyncio.run(serve())
