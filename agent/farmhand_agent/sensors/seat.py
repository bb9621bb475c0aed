# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Whether this session is the one at the screen, as logind tells.

Where somebody else has switched to a session of their own, keyboard and mouse are theirs. Nothing of it is heard here,
and so an idle session behind another is no idle machine. A session without a seat, as one on another machine's screen,
is always in front.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report
from farmhand_agent.sensors.dbus import PROPERTIES, Bus, follow_answer, system_bus, why_no_bus
from farmhand_agent.sensors.logind import SERVICE, own_session


class Seat:
    """Asks logind.

    Args:
        environ: names the session and the system bus.
    """

    question = "seat"
    name = "logind"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = system_bus(environ)
        self._session = environ.get("XDG_SESSION_ID", "")

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return why_no_bus(self._address)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""

        async def in_front(bus: Bus) -> bool:
            return bool(await bus.get(await own_session(bus, self._session), "Active"))

        changes = ((PROPERTIES, "PropertiesChanged", None),)
        await follow_answer(
            self._address, SERVICE, changes, in_front, lambda front: report(Reading({"in_front": front}))
        )
