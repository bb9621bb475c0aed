"""Whose graphical sessions run on this machine, as the files of systemd-logind say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GRAPHICAL = frozenset({"x11", "wayland", "mir"})
SESSIONS = "run/systemd/sessions"


@dataclass(frozen=True, slots=True)
class DesktopSession:
    """A person's graphical session.

    Attributes:
        user: number of the user.
        kind: "x11", "wayland" or "mir".
        display: name of its X display; "" where logind was not told.
    """

    user: int
    kind: str
    display: str


def desktops(root: Path = Path("/")) -> tuple[DesktopSession, ...] | None:
    """Return all graphical sessions of people, not login screens; None where there is no logind.

    Args:
        root: where run is.
    """
    folder = root / SESSIONS
    return tuple(_desktops(folder)) if folder.is_dir() else None


def _desktops(folder: Path) -> Iterator[DesktopSession]:
    for file in folder.iterdir():
        if file.suffix == ".ref":
            continue
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue  # ended while we looked
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        kind, user = values.get("TYPE", ""), values.get("UID", "")
        if kind in GRAPHICAL and values.get("CLASS") == "user" and values.get("STATE") != "closing":
            yield DesktopSession(int(user) if user.isdecimal() else -1, kind, values.get("DISPLAY", ""))
