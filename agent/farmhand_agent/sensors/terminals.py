"""Whether anybody uses a machine without a graphical session, by when a terminal was last read from.

Reading moves a terminal's access time, which the kernel rounds to some seconds; so do the answers here. Pipes into the
machine, such as a remote copy, have no terminal and do not count as somebody being there.

Access times are wall clock, and that may jump. So only the first look compares them with the time of day; from then on
whatever moves a terminal's access time, and a terminal that appears, is input since the look before.

Where somebody has a graphical session, an agent outside of it cannot know what their hands do, and says so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from farmhand.settings import Settings
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.polling import poll

PERIOD = 10.0
"""Seconds between two looks; the kernel's rounding is of the same size."""

GRAPHICAL = frozenset({"x11", "wayland", "mir"})
TERMINALS = ("tty[0-9]*", "ttyS[0-9]*", "pts/[0-9]*")


class TerminalInput:
    """Tells whether somebody is there, on a machine without a desktop.

    Args:
        settings: `idle_after` counts.
        environ: tells whether the agent itself is in a graphical session.
        root: where dev, run and tmp are.
        wall: Unix seconds, the clock of access times.
        period: seconds between two looks.
        clock: monotonic seconds.
    """

    question = "input"
    name = "terminals"

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        root: Path = Path("/"),
        wall: Callable[[], float] = time.time,
        period: float = PERIOD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle_after = settings.idle_after
        self._environ = environ
        self._root = root
        self._wall = wall
        self._period = period
        self._clock = clock
        self._known: dict[Path, float] | None = None
        self._looked = self._last_input = 0.0

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        if any(self._environ.get(one) for one in ("DISPLAY", "WAYLAND_DISPLAY")):
            return "this is a graphical session"
        if self._environ.get("XDG_SESSION_TYPE") in GRAPHICAL:
            return "this is a graphical session"
        return self._somebodys_desktop()

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        reason = self.unusable()
        if reason is None:
            self._known = None
            await poll(self._idle, self._period, self._idle_after, report, self._clock)
        raise SenseLost(reason or "it has ended")

    def _idle(self) -> float:
        """Return the seconds since the last input; since the start of the clock where there is no terminal.

        Raises:
            SenseLost: somebody has logged in graphically.
        """
        reason = self._somebodys_desktop()
        if reason:
            raise SenseLost(reason)
        reads, now = dict(self._reads()), self._clock()
        idle = max(0.0, self._wall() - max(reads.values(), default=0.0))
        if self._known is None:
            self._last_input = now - idle
        elif any(self._known.get(terminal) != read for terminal, read in reads.items()):
            self._last_input = max(now - idle, self._looked)
        self._known, self._looked = reads, now
        return now - self._last_input

    def _reads(self) -> Iterator[tuple[Path, float]]:
        """Each terminal, and when it was last read from, in Unix seconds."""
        for pattern in TERMINALS:
            for terminal in (self._root / "dev").glob(pattern):
                try:
                    yield terminal, terminal.stat().st_atime
                except OSError:
                    continue  # closed while we looked

    def _somebodys_desktop(self) -> str | None:
        """Return how somebody uses a desktop here, or None: as logind says, else by the sockets of X servers."""
        sessions = self._root / "run/systemd/sessions"
        if sessions.is_dir():
            found = any(_is_desktop(one) for one in sessions.iterdir() if one.suffix != ".ref")
            return "somebody has a graphical session; only an agent inside it can watch it" if found else None
        displays = sorted(one.name for one in (self._root / "tmp/.X11-unix").glob("X*"))
        return (
            f"an X server runs here ({displays[0]}); only an agent inside its session can watch it"
            if displays
            else None
        )


def _is_desktop(session: Path) -> bool:
    """Tell whether a session file of logind is a person's desktop; a login screen is nobody's."""
    try:
        lines = session.read_text().splitlines()
    except OSError:
        return False  # ended while we looked
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("TYPE") in GRAPHICAL and values.get("CLASS") == "user" and values.get("STATE") != "closing"
