"""What a view consists of: values that `viewmodel.present` returns and that the widgets copy. No decisions here."""

from __future__ import annotations

import enum
from dataclasses import dataclass

COLOURS = 6
"""How many colours tell people apart."""


class Face(enum.Enum):
    """What there is to show; the value is the name of the icon."""

    BUSY = "lending-in-use"
    UNUSED = "lending-unused"
    STARTING = "starting"
    READY = "ready"
    YOURS = "yours"
    PAUSED = "paused"
    RECLAIMING = "reclaiming"
    HELD_BACK = "held-back"
    DISCONNECTED = "disconnected"
    ABSENT = "absent"


class Action(enum.Enum):
    """What a click may ask for."""

    TAKE_BACK = enum.auto()
    LEND_NOW = enum.auto()
    WHEN_AWAY = enum.auto()
    PAUSE_HOUR = enum.auto()
    PAUSE_TOMORROW = enum.auto()
    OPEN_WINDOW = enum.auto()
    START_AGENT = enum.auto()
    BLOCK = enum.auto()
    UNBLOCK = enum.auto()
    QUIT_TRAY = enum.auto()
    QUIT_ALL = enum.auto()


@dataclass(frozen=True, slots=True)
class Absence:
    """Why there is no snapshot.

    Attributes:
        stranger: an agent is there, but says what this program cannot read.
        detail: what is known about it, in words.
    """

    stranger: bool = False
    detail: str = ""


NOT_RUNNING = Absence()
"""Nobody listens, and nothing more is known."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the menu, or the window's button.

    Attributes:
        label: its text; "" is a separator.
        action: what a click asks for; None: nothing.
        who: whom the action is about; "" for nobody.
        enabled: whether it can be clicked.
        checked: the mark of a check row; None for other rows.
        rows: those of a submenu.
    """

    label: str
    action: Action | None = None
    who: str = ""
    enabled: bool = True
    checked: bool | None = None
    rows: tuple[Row, ...] = ()


SEPARATOR = Row("", enabled=False)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as two lines.

    Attributes:
        who: sender.
        lasts: for how long it has been running.
        file: what it compiles.
        work: compiler and project.
        colour: 0..COLOURS-1, the same for the same sender.
        spoken: all of it in one sentence.
        block: the row's button, which keeps the sender out.
    """

    who: str
    lasts: str
    file: str
    work: str
    colour: int
    spoken: str
    block: Row


@dataclass(frozen=True, slots=True)
class WindowView:
    """The window.

    Attributes:
        title: of its frame.
        headline: the state in large letters.
        reason: why, in a sentence or two.
        note: what went wrong and how to mend it; "" for nothing.
        button: the one button.
        blocks: one for each slot: the colour of the sender whose job fills it, None while it is free.
        slots: the blocks in words.
        jobs: what runs, oldest first.
        footnotes: small print, one line each.
    """

    title: str
    headline: str
    reason: str
    note: str
    button: Row
    blocks: tuple[int | None, ...] = ()
    slots: str = ""
    jobs: tuple[JobRow, ...] = ()
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrayView:
    """All that the tray shows.

    Attributes:
        face: decides the icon.
        tooltip: never contains an age, so it stays true until midnight.
        menu: rows from top to bottom.
        window: see `WindowView`.
        next_change_at: Unix seconds at which time alone alters a text; None: never.
    """

    face: Face
    tooltip: str
    menu: tuple[Row, ...]
    window: WindowView
    next_change_at: float | None

    @property
    def icon(self) -> str:
        """Name of the icon."""
        return self.face.value
