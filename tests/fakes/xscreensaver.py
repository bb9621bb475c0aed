"""A real xscreensaver on a real X server."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from fakes.waiting import until
from fakes.xserver import XServer


class XScreenSaverDaemon:
    """The xscreensaver of a display, which may be killed and started again."""

    def __init__(self, server: XServer) -> None:
        self._server = server

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Run until it can be asked."""
        self._process = self._server.run("xscreensaver", "--no-splash")
        until(lambda: command(self._server, "-time"))

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def command(server: XServer, argument: str) -> bool:
    """Ask or tell the daemon something; return whether it has answered."""
    return server.run("xscreensaver-command", argument).wait() == 0
