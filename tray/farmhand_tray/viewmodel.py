"""What the tray shows, decided in one place: `present(snapshot, now)` in, values out; the widgets only copy them.

1. `_FACES` names what there is to show, in order; the first row that fits decides. Icon and headline follow from it.
2. What the main button does depends on the agent's state, not on the face: whatever the trouble, a lent machine can
   be taken back.
3. The agent being away is a state like any other, with an icon and a menu.
4. `TrayView.next_change_at` is the first moment at which time alone alters a text. Until then nobody needs to look.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from farmhand.lending.rules import IN_USE, NOT_YET, SHARED
from farmhand.wire.local import Block, Choose, JobView, Quit, Snapshot
from farmhand_tray import words
from farmhand_tray.view import (
    COLOURS,
    NOT_RUNNING,
    SEPARATOR,
    Absence,
    Action,
    Face,
    JobRow,
    Row,
    TrayView,
    WindowView,
)

STATES = frozenset({"kept", "starting", "joining", "lent", "held", "draining", "stopping", "failing", "resting"})
"""The lender's states that this program knows."""

MENU_JOBS = 5
"""How many jobs the menu lists."""

Local = Callable[[float], datetime]
"""Turns Unix seconds into the wall clock of the place."""


def utc(seconds: float) -> datetime:
    """The wall clock of Greenwich."""
    return datetime.fromtimestamp(seconds, UTC)


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
    clock = _Clock(now, local)
    headline = _HEADLINES[face](snapshot, clock)
    return TrayView(
        face=face,
        tooltip="\n".join(part for part in (headline, *_tooltip(face, snapshot, clock)) if part),
        menu=_menu(face, headline, snapshot, clock),
        window=_window(face, headline, snapshot, clock, refused),
        next_change_at=clock.next_change_at,
    )


def request(action: Action, now: float, tomorrow: float, who: str = "") -> Block | Choose | Quit | None:
    """What to send to the agent for a click.

    Args:
        action: what was clicked.
        now: Unix seconds.
        tomorrow: Unix seconds at which "until tomorrow" ends.
        who: whom the click is about.

    Returns:
        The request, or None where the tray does it alone.
    """
    requests: dict[Action, Block | Choose | Quit] = {
        Action.TAKE_BACK: Choose("keep"),
        Action.LEND_NOW: Choose("lend"),
        Action.WHEN_AWAY: Choose("auto"),
        Action.PAUSE_HOUR: Choose("keep", now + 3600),
        Action.PAUSE_TOMORROW: Choose("keep", tomorrow),
        Action.BLOCK: Block(who),
        Action.UNBLOCK: Block(who, on=False),
        Action.QUIT_ALL: Quit(),
    }
    return requests.get(action)


# --- which face ---------------------------------------------------------------
_FACES: tuple[tuple[Face, Callable[[Snapshot], bool]], ...] = (
    (Face.RECLAIMING, lambda it: it.state in ("stopping", "draining", "held")),
    (Face.HELD_BACK, lambda it: it.state in ("failing", "resting") or (it.state != "lent" and it.trouble != "")),
    (Face.DISCONNECTED, lambda it: it.state in ("joining", "lent") and it.registry_trouble != ""),
    (Face.STARTING, lambda it: it.state in ("starting", "joining")),
    (Face.BUSY, lambda it: it.state == "lent" and it.jobs != ()),
    (Face.UNUSED, lambda it: it.state == "lent"),
    (Face.PAUSED, lambda it: it.wish == "keep"),
    (Face.READY, lambda it: it.lends_at is not None and it.rule != IN_USE),
    (Face.YOURS, lambda _: True),
)


def face_of(snapshot: Snapshot) -> Face:
    """Name what there is to show of an agent whose state is known."""
    return next(face for face, fits in _FACES if fits(snapshot))


_HEADLINES: dict[Face, Callable[[Snapshot, _Clock], str]] = {
    Face.BUSY: lambda it, _: words.lending(it.slots, it.rule == SHARED),
    Face.UNUSED: lambda it, _: words.lending(it.slots, it.rule == SHARED),
    Face.DISCONNECTED: lambda it, _: (
        words.lending(it.slots, it.rule == SHARED) if it.state == "lent" else words.STARTING
    ),
    Face.STARTING: lambda _, __: words.STARTING,
    Face.READY: lambda it, _: words.READY if it.rule == NOT_YET else words.SOON,
    Face.YOURS: lambda _, __: words.YOURS,
    Face.PAUSED: lambda it, clock: (
        words.PAUSED if it.wish_until is None else words.paused_until(clock.at(it.wish_until))
    ),
    Face.RECLAIMING: lambda it, _: words.reclaiming(it.state, len(it.jobs)),
    Face.HELD_BACK: lambda it, _: words.HELD_BACK if it.trouble else words.TRYING_AGAIN,
}


class _Clock:
    """Turns times into texts and notes which of them grows old first."""

    def __init__(self, now: float, local: Local) -> None:
        self.now = now
        self._local = local
        self._holds = math.inf

    def elapsed(self, start: float) -> str:
        return self._noted(words.elapsed(self.now - start))

    def remaining(self, end: float) -> str:
        return self._noted(words.remaining(end - self.now))

    def at(self, moment: float) -> str:
        return self._noted(words.at(self._local(moment), self._local(self.now)))

    @property
    def next_change_at(self) -> float | None:
        return None if math.isinf(self._holds) else self.now + self._holds

    def _noted(self, span: words.Span) -> str:
        self._holds = min(self._holds, span.holds)
        return span.text


# --- texts --------------------------------------------------------------------
def _reason(face: Face, it: Snapshot) -> str:
    """Why the face is what it is, fit to follow a dash."""
    if face is Face.HELD_BACK:
        return it.trouble or it.reason
    if face is Face.PAUSED:
        return words.BY_CHOICE
    if face is Face.DISCONNECTED:
        return words.NO_REGISTRY
    if face in (Face.BUSY, Face.UNUSED):
        return words.busy(len(it.jobs), it.slots)
    return it.reason


def _tooltip(face: Face, it: Snapshot, clock: _Clock) -> tuple[str, ...]:
    if face is Face.RECLAIMING:
        return (words.sentence(it.reason),)
    if face is Face.READY and it.lends_at is not None:
        return (words.sentence(words.lends_at(clock.at(it.lends_at), it.rule == NOT_YET)),)
    since = words.since(clock.at(it.since))
    if face in (Face.BUSY, Face.UNUSED):
        return (words.sentence(f"{_reason(face, it)}, {since}"), words.because(it.reason))
    return (words.sentence(_reason(face, it)), words.sentence(since))


def _menu(face: Face, headline: str, it: Snapshot, clock: _Clock) -> tuple[Row, ...]:
    shown = it.jobs[:MENU_JOBS]
    hidden = len(it.jobs) - len(shown)
    return (
        Row(words.status(headline, _status_reason(face, it, clock)), enabled=False),
        SEPARATOR,
        _main_row(it),
        *_PAUSE_ROWS[it.wish],
        Row(
            words.WHEN_AWAY,
            Action.WHEN_AWAY if it.wish == "keep" else Action.TAKE_BACK,
            checked=it.wish != "keep",
        ),
        SEPARATOR,
        Row(words.who(len(it.jobs)), Action.OPEN_WINDOW),
        *(Row(words.job(words.person(job.user, job.host), _file(job, 40)), rows=(_block_row(job),)) for job in shown),
        *((Row(words.more_jobs(hidden), enabled=False),) if hidden else ()),
        *_blocked_rows(it),
        SEPARATOR,
        Row(words.QUIT_TRAY, Action.QUIT_TRAY),
        Row(words.QUIT_ALL, Action.QUIT_ALL),
    )


def _block_row(job: JobView) -> Row:
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


def _status_reason(face: Face, it: Snapshot, clock: _Clock) -> str:
    if face is Face.READY and it.lends_at is not None:
        return words.lends_in_short(clock.remaining(it.lends_at))
    return words.brief(_reason(face, it))


def _main_row(it: Snapshot) -> Row:
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
_PAUSE_ROWS: dict[str, tuple[Row, ...]] = {
    "auto": (_PAUSES,),
    "lend": (_PAUSES, Row(words.ONLY_WHEN_AWAY, Action.WHEN_AWAY)),
    "keep": (Row(words.RESUME, Action.WHEN_AWAY),),
}


def _window(face: Face, headline: str, it: Snapshot, clock: _Clock, refused: str) -> WindowView:
    colours = _colours(it.jobs)
    main = _main_row(it)
    return WindowView(
        title=words.window_title(it.name),
        headline=headline,
        reason=_explanation(face, it, clock),
        note=_note(it, refused),
        button=_PAUSE_ROWS["keep"][0] if face is Face.PAUSED else main,
        blocks=_blocks(it, colours),
        slots=words.slots_spoken(len(it.jobs), _rooms(it)) if _rooms(it) else "",
        jobs=tuple(_job_row(job, colours, clock) for job in it.jobs),
        footnotes=_footnotes(it),
    )


def _explanation(face: Face, it: Snapshot, clock: _Clock) -> str:
    if face is Face.READY and it.lends_at is not None:
        begins = words.lends_in(clock.remaining(it.lends_at), it.rule == NOT_YET)
        return f"{words.because(it.reason)} {begins}".strip()
    if face is Face.PAUSED:
        return _pause(it, clock)
    if face is Face.HELD_BACK and it.trouble:
        return words.sentence(it.trouble)
    if face in (Face.RECLAIMING, Face.STARTING):
        return words.because(it.reason)
    return words.lasting(clock.elapsed(it.since), it.reason)


def _pause(it: Snapshot, clock: _Clock) -> str:
    if it.wish_until is None:
        return words.sentence(f"{words.BY_CHOICE}, for {clock.elapsed(it.since)}")
    return words.still_paused(clock.remaining(it.wish_until))


def _note(it: Snapshot, refused: str) -> str:
    troubles = (
        words.request_failed(refused) if refused else "",
        words.registry_trouble(it.registry_trouble) if it.registry_trouble else "",
        words.sentence(it.trouble) if it.state == "lent" and it.trouble else "",
    )
    return " ".join(text for text in troubles if text)


def _rooms(it: Snapshot) -> int:
    """How many blocks there are: jobs that outlive the offer keep theirs."""
    return max(it.slots, len(it.jobs))


def _colours(jobs: tuple[JobView, ...]) -> dict[str, int]:
    """Give every sender a colour, in order of appearance."""
    senders = dict.fromkeys(words.person(job.user, job.host) for job in jobs)
    return {sender: number % COLOURS for number, sender in enumerate(senders)}


def _blocks(it: Snapshot, colours: dict[str, int]) -> tuple[int | None, ...]:
    filled = sorted(colours[words.person(job.user, job.host)] for job in it.jobs)
    return (*filled, *(None for _ in range(_rooms(it) - len(filled))))


def _job_row(job: JobView, colours: dict[str, int], clock: _Clock) -> JobRow:
    sender, file, lasts = words.person(job.user, job.host), _file(job, 60), clock.elapsed(job.started_at)
    return JobRow(
        who=sender,
        lasts=lasts,
        file=file,
        work=words.work(job.compiler, job.project),
        colour=colours[sender],
        spoken=words.job_spoken(sender, file, lasts),
        block=replace(_block_row(job), label=words.BLOCK),
    )


def _file(job: JobView, limit: int) -> str:
    return words.plain(job.file, limit) if job.file else words.UNKNOWN_FILE


def _footnotes(it: Snapshot) -> tuple[str, ...]:
    reclaim = "" if it.last_reclaim_ms is None else words.back_to_you(it.last_reclaim_ms, it.reclaims)
    known = tuple((one.question, one.source) for one in it.senses if one.source)
    blind = tuple(one.question for one in it.senses if not one.source)
    blocked = words.kept_out(it.blocked) if it.blocked else ""
    return tuple(line for line in (reclaim, blocked, words.senses(known, blind)) if line)


# --- nobody there ---------------------------------------------------------------
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
