"""What the tray shows, decided in one place: `present(snapshot, now)` in, values out; the widgets only copy them.

1. The face comes first (`faces`); icon and headline, menu (`menu_view`) and window (`window_view`) follow from it.
2. The agent being away is a state like any other, with an icon and a menu.
3. `TrayView.next_change_at` is the first moment at which time alone alters a text. Until then nobody needs to look.
"""

from __future__ import annotations

from farmhand.lending.rules import NOT_YET
from farmhand.text import clauses
from farmhand.wire.local import Block, Choose, Quit, Snapshot
from farmhand_tray import words
from farmhand_tray.faces import STATES, Clock, Local, face_of, headline_of, reason, utc
from farmhand_tray.menu_view import menu
from farmhand_tray.view import NOT_RUNNING, SEPARATOR, Absence, Action, Face, Row, TrayView, WindowView
from farmhand_tray.window_view import window


def present(
    snapshot: Snapshot | None, now: float, *, local: Local = utc, absence: Absence = NOT_RUNNING, refused: str = ""
) -> TrayView:
    """Decide what to show.

    Args:
        snapshot: what the agent says; None while it says nothing.
        now: Unix seconds.
        local: the wall clock of the place.
        absence: why there is no snapshot.
        refused: the agent's answer to a request that it did not carry out.
    """
    if snapshot is None:
        return _without_agent(absence)
    if snapshot.state not in STATES:
        return _without_agent(Absence(True, words.unknown_state(snapshot.state)))
    face = face_of(snapshot)
    clock = Clock(now, local)
    headline = headline_of(face, snapshot, clock)
    return TrayView(
        face=face,
        tooltip=words.without_markup("\n".join(part for part in (headline, *_tooltip(face, snapshot, clock)) if part)),
        menu=menu(face, headline, snapshot, clock),
        window=window(face, headline, snapshot, clock, refused),
        next_change_at=clock.next_change_at,
    )


def request(action: Action, tomorrow: float, who: str = "") -> Block | Choose | Quit | None:
    """What to send to the agent for a click.

    Args:
        action: what was clicked.
        tomorrow: Unix seconds at which "until tomorrow" ends.
        who: whom the click is about.

    Returns:
        The request, or None where the tray does it alone.
    """
    requests: dict[Action, Block | Choose | Quit] = {
        Action.TAKE_BACK: Choose("keep"),
        Action.LEND_NOW: Choose("lend"),
        Action.WHEN_AWAY: Choose("auto"),
        Action.PAUSE_HOUR: Choose("keep", span=3600),
        Action.PAUSE_TOMORROW: Choose("keep", tomorrow),
        Action.BLOCK: Block(who),
        Action.UNBLOCK: Block(who, on=False),
        Action.QUIT_ALL: Quit(),
    }
    return requests.get(action)


def _tooltip(face: Face, it: Snapshot, clock: Clock) -> tuple[str, ...]:
    if face is Face.RECLAIMING:
        return (words.sentence(it.reason),)
    if face is Face.READY and it.lends_at is not None:
        return (words.sentence(words.lends_at(clock.at(it.lends_at), it.rule == NOT_YET)),)
    since = words.since(clock.at(it.since))
    if face in (Face.BUSY, Face.UNUSED):
        return (words.sentence(clauses(reason(face, it), since)), words.because(it.reason))
    return (words.sentence(reason(face, it)), words.sentence(since))


def _without_agent(absence: Absence) -> TrayView:
    headline = words.OTHER_VERSION if absence.stranger else words.NOT_RUNNING
    reason = words.unreadable(absence.detail) if absence.stranger else words.sentence(words.NOTHING_IS_LENT)
    start = Row(words.START, Action.START_AGENT, enabled=not absence.stranger)
    short = words.RESTART_BOTH if absence.stranger else words.NOTHING_IS_LENT
    return TrayView(
        face=Face.HELD_BACK if absence.stranger else Face.ABSENT,
        tooltip=f"{headline}\n{words.sentence(short)}",
        menu=(
            Row(words.status(headline, short), enabled=False),
            SEPARATOR,
            start,
            Row(words.SHOW_WINDOW, Action.OPEN_WINDOW),
            SEPARATOR,
            Row(words.QUIT_ALONE, Action.QUIT_TRAY),
        ),
        window=WindowView(
            title=words.window_title(""),
            headline=headline,
            reason=reason,
            note="" if absence.stranger else words.sentence(absence.detail),
            button=start,
        ),
        next_change_at=None,
    )
