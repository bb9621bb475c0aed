"""The menu's rows.

What the main button does depends on the agent's state, not on the face: whatever the trouble, a lent machine can be
taken back.
"""

from __future__ import annotations

from farmhand.wire.local import JobView, Snapshot
from farmhand_tray import words
from farmhand_tray.faces import Clock, file_of, reason
from farmhand_tray.view import SEPARATOR, Action, Face, Row

MENU_JOBS = 5
"""How many jobs the menu lists."""


def menu(face: Face, headline: str, it: Snapshot, clock: Clock) -> tuple[Row, ...]:
    """List the rows, from the top."""
    shown = it.jobs[:MENU_JOBS]
    hidden = len(it.jobs) - len(shown)
    return (
        Row(words.status(headline, _status_reason(face, it, clock)), enabled=False),
        SEPARATOR,
        main_row(it),
        *PAUSE_ROWS[it.wish],
        Row(
            words.WHEN_AWAY,
            Action.WHEN_AWAY if it.wish == "keep" else Action.TAKE_BACK,
            checked=it.wish != "keep",
        ),
        SEPARATOR,
        Row(words.who(len(it.jobs)), Action.OPEN_WINDOW),
        *(Row(words.job(words.person(job.user, job.host), file_of(job, 40)), rows=(block_row(job),)) for job in shown),
        *((Row(words.more_jobs(hidden), enabled=False),) if hidden else ()),
        *_blocked_rows(it),
        SEPARATOR,
        Row(words.QUIT_TRAY, Action.QUIT_TRAY),
        Row(words.QUIT_ALL, Action.QUIT_ALL),
    )


def block_row(job: JobView) -> Row:
    """What keeps the sender of a job out."""
    return Row(words.block(words.person(job.user, job.host)), Action.BLOCK, _name(job))


def _blocked_rows(it: Snapshot) -> tuple[Row, ...]:
    """Whoever is kept out, to be let in again."""
    if not it.blocked:
        return ()
    rows = tuple(Row(words.unblock(name), Action.UNBLOCK, name) for name in it.blocked)
    return (Row(words.blocked(len(rows)), rows=rows),)


def _name(job: JobView) -> str:
    """The sender of a job, as the agent knows it."""
    return f"{job.user}@{job.host}" if job.user else job.host


def _status_reason(face: Face, it: Snapshot, clock: Clock) -> str:
    if face is Face.READY and it.lends_at is not None:
        return words.lends_in_short(clock.remaining(it.lends_at))
    return words.brief(reason(face, it))


def main_row(it: Snapshot) -> Row:
    """The one thing most people want: the machine back, or lent."""
    if it.state == "stopping":
        return Row(words.TAKING_BACK, enabled=False)
    if it.state in ("starting", "joining", "lent", "held", "draining"):
        return Row(words.TAKE_BACK, Action.TAKE_BACK)
    can_lend = it.state == "kept" and not it.trouble
    return Row(words.LEND_NOW, Action.LEND_NOW, enabled=can_lend)


_PAUSES = Row(
    words.PAUSE,
    rows=(
        Row(words.PAUSE_HOUR, Action.PAUSE_HOUR),
        Row(words.PAUSE_TOMORROW, Action.PAUSE_TOMORROW),
        Row(words.PAUSE_OPEN, Action.TAKE_BACK),
    ),
)
PAUSE_ROWS: dict[str, tuple[Row, ...]] = {
    "auto": (_PAUSES,),
    "lend": (_PAUSES, Row(words.ONLY_WHEN_AWAY, Action.WHEN_AWAY)),
    "keep": (Row(words.RESUME, Action.WHEN_AWAY),),
}
