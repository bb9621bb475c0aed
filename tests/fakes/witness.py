"""Runs one sense and tells on its output what it reports, in JSON: `python -m fakes.witness sleep`.

Ends with its input. A line there answers the question whether the machine has been given back before it sleeps.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from farmhand.settings import Settings
from farmhand_agent.sensors.base import SenseLost, Sensor
from farmhand_agent.sensors.inhibitors import KEEPERS, Inhibitors
from farmhand_agent.sensors.logind import SessionLock, Sleep
from farmhand_agent.sensors.no_desktop import NoDesktop
from farmhand_agent.sensors.power import UPower
from farmhand_agent.sensors.seat import Seat
from farmhand_agent.sensors.terminals import TerminalInput

OFTEN = 0.1
"""Seconds between two looks of what has to look."""


def say(**words: Any) -> None:
    """Write one line."""
    print(json.dumps(words), flush=True)


async def main(name: str) -> None:
    """Watch the sense called `name`."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def given_back() -> None:
        say(asked=True)
        await answers.get()

    sense: Sensor = {
        "sleep": lambda: Sleep(given_back),
        "lock": SessionLock,
        "seat": Seat,
        "power": UPower,
        "inhibitors": lambda: Inhibitors(KEEPERS[0]),
        "no desktop": lambda: NoDesktop(period=OFTEN),
        "terminals": lambda: TerminalInput(Settings(idle_after=3600.0), period=OFTEN),
    }[name]()

    async def watch() -> None:
        try:
            await sense.watch(lambda reading: say(**reading.values))
        except SenseLost as lost:
            say(lost=str(lost))

    say(session=os.environ.get("XDG_SESSION_ID", ""))
    watching = asyncio.create_task(watch())
    async for line in lines:
        answers.put_nowait(line)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
