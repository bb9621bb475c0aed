"""A desktop's tray without the desktop: `org.kde.StatusNotifierWatcher` on the session bus, and a panel to read it.

As a program it is the watcher: it prints "ready", then one line for each item that registers, until it is ended.
`Panel` sees and clicks an item the way a panel does: StatusNotifierItem and com.canonical.dbusmenu.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated, Any

from dbus_fast import Message, MessageType, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusInt32, DBusSignature, DBusStr
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal
from jeepney import DBusAddress, Properties, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.low_level import MessageType as JeepneyType

WATCHER = "org.kde.StatusNotifierWatcher"
PATIENCE = 5.0
Strings = Annotated[list[str], DBusSignature("as")]


class StatusNotifierWatcher(ServiceInterface):
    """Notes which items there are; one that leaves the bus is forgotten."""

    def __init__(self) -> None:
        super().__init__(WATCHER)
        self.items: dict[str, str] = {}

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> None:
        self.items[service] = service
        print(service, flush=True)
        self.StatusNotifierItemRegistered(service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: DBusStr) -> None:
        self.StatusNotifierHostRegistered()

    @dbus_signal()
    def StatusNotifierItemRegistered(self, service: str) -> DBusStr:
        return service

    @dbus_signal()
    def StatusNotifierItemUnregistered(self, service: str) -> DBusStr:
        return service

    @dbus_signal()
    def StatusNotifierHostRegistered(self) -> None:
        pass

    @dbus_property(access=PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> Strings:
        return list(self.items)

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> DBusBool:
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> DBusInt32:
        return 0


async def serve() -> None:
    """Be the watcher of the session bus."""
    bus = await MessageBus().connect()
    watcher = StatusNotifierWatcher()

    def forget(message: Message) -> bool:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            name, _, new_owner = message.body
            if not new_owner and watcher.items.pop(name, None):
                watcher.StatusNotifierItemUnregistered(name)
        return False

    bus.add_message_handler(forget)
    await bus.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="AddMatch",
            signature="s",
            body=["type='signal',member='NameOwnerChanged'"],
        )
    )
    bus.export("/StatusNotifierWatcher", watcher)
    await bus.request_name(WATCHER)
    print("ready", flush=True)
    await bus.wait_for_disconnect()


@dataclass(frozen=True)
class MenuItem:
    """A row of a menu as a panel knows it."""

    number: int
    label: str
    enabled: bool
    mark: int | None
    rows: tuple["MenuItem", ...]


class Panel:
    """Reads the tray of one session bus and clicks in it."""

    def __init__(self, address: str) -> None:
        self._bus: DBusConnection = open_dbus_connection(bus=address)

    def close(self) -> None:
        """Leave the bus."""
        self._bus.close()

    def items(self) -> list[str]:
        """Bus names of the icons in the tray."""
        watcher = DBusAddress("/StatusNotifierWatcher", WATCHER, WATCHER)
        return self._call(Properties(watcher).get("RegisteredStatusNotifierItems"))[0][1]

    def look(self) -> dict[str, Any]:
        """Properties of the one icon."""
        (item,) = self.items()
        address = DBusAddress("/StatusNotifierItem", item, "org.kde.StatusNotifierItem")
        return {name: value for name, (_, value) in self._call(Properties(address).get_all())[0].items()}

    def tooltip(self) -> str:
        """Text of the icon's tooltip."""
        return self.look()["ToolTip"][2]

    def menu(self) -> tuple[MenuItem, ...]:
        """The icon's menu."""
        self._menu_call("AboutToShow", "i", (0,))
        _, (_, _, rows) = self._menu_call("GetLayout", "iias", (0, -1, []))
        return tuple(_item(row) for row in rows)

    def click(self, label: str) -> None:
        """Choose the row of the menu that is called `label`."""
        number = next(item.number for item in _all(self.menu()) if item.label == label)
        self._menu_call("Event", "isvu", (number, "clicked", ("i", 0), 0))

    def activate(self) -> None:
        """Click the icon itself."""
        (item,) = self.items()
        address = DBusAddress("/StatusNotifierItem", item, "org.kde.StatusNotifierItem")
        self._call(new_method_call(address, "Activate", "ii", (1, 1)))

    def _menu_call(self, method: str, signature: str, body: tuple[Any, ...]) -> Any:
        (item,) = self.items()
        address = DBusAddress(self.look()["Menu"], item, "com.canonical.dbusmenu")
        return self._call(new_method_call(address, method, signature, body))

    def _call(self, message: Any) -> Any:
        reply = self._bus.send_and_get_reply(message, timeout=PATIENCE)
        if reply.header.message_type is JeepneyType.error:
            raise OSError(str(reply.body))
        return reply.body


def _item(node: Any) -> MenuItem:
    number, properties, rows = node[1]
    values = {name: value for name, (_, value) in properties.items()}
    return MenuItem(
        number=number,
        label=as_shown(values.get("label", "")),
        enabled=values.get("enabled", True),
        mark=values.get("toggle-state") if "toggle-type" in values else None,
        rows=tuple(_item(row) for row in rows),
    )


def as_shown(label: str) -> str:
    """A label without its marks for keys, as com.canonical.dbusmenu says: "__" is "_", any other "_" is not shown."""
    return re.sub("_(_?)", r"\1", label)


def _all(items: tuple[MenuItem, ...]) -> list[MenuItem]:
    return [one for item in items for one in (item, *_all(item.rows))]


if __name__ == "__main__":
    asyncio.run(serve())
